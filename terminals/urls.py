"""Pages of the fleet: /terminals/ …"""

from django.urls import path

from terminals.board.views import detail, fleet
from terminals.fleet.views import custody, provision, register, verify

app_name = "terminals"
urlpatterns = [
    path("", fleet.fleet, name="list"),
    # the makers' register
    path("register/", register.register, name="register"),
    path("register/import/", register.hand_in, name="register-import"),
    path("register/import/<uuid:import_id>/", register.preview, name="register-preview"),
    path("register/import/<uuid:import_id>/take-in/", register.take_in, name="register-take-in"),
    path(
        "register/import/<uuid:import_id>/remarks/", register.remarks_file, name="register-remarks"
    ),
    # to a merchant
    path("provision/", provision.provision, name="provision"),
    path("codes/<uuid:sheet_id>/", provision.codes, name="codes"),
    path("codes/<uuid:sheet_id>/print/", provision.print_codes, name="print-codes"),
    path("codes/<uuid:sheet_id>/put-away/", provision.put_away, name="put-away-codes"),
    # genuine or not
    path("verify/", verify.verify, name="verify"),
    # one terminal
    path("<str:serial>/", detail.detail, name="detail"),
    path("<str:serial>/suspend/", custody.suspend, name="suspend"),
    path("<str:serial>/reinstate/", custody.reinstate, name="reinstate"),
    path("<str:serial>/issue-code/", custody.issue_code, name="issue-code"),
]
