"""Routes of people: / , /sign-in/ , /security/ , /lists/ …"""

from django.urls import path

from portal.accounts.views import frame, lists, second_factor, security, sign_in, step_up

app_name = "accounts"
urlpatterns = [
    path("", frame.home, name="home"),
    path("sign-in/", sign_in.password, name="sign-in"),
    path("sign-in/code/", second_factor.second_factor, name="second-factor"),
    path("sign-in/recovery/", second_factor.recovery, name="recovery"),
    path("sign-in/authenticator/", second_factor.enrol, name="enrol"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("step-up/", step_up.step_up, name="step-up"),
    path("language/", frame.language, name="language"),
    path("theme/", frame.theme, name="theme"),
    path("single-keys/", frame.single_keys, name="single-keys"),
    path("roles/", frame.roles_page, name="roles"),
    path("security/", security.page, name="security"),
    path("security/password/", security.password, name="password"),
    path("security/authenticator/", security.authenticator, name="authenticator"),
    path("security/recovery-codes/", security.recovery_codes, name="recovery-codes"),
    path("security/preferences/", security.preferences, name="preferences"),
    path("security/sessions/end-others/", security.end_others, name="end-other-sessions"),
    path("security/sessions/<uuid:session_id>/end/", security.end_one, name="end-session"),
    path("lists/<slug:list_name>/columns/", lists.columns, name="list-preference"),
    path("lists/<slug:list_name>/views/", lists.save, name="save-view"),
    path("lists/<slug:list_name>/views/<slug:slug>/delete/", lists.delete, name="delete-view"),
]
