"""Every page of the peers."""

from django.urls import path

from tests.bench.peers import admin_site, devices, rest, tables

urlpatterns = [
    path("rest/<int:merchant_id>/", rest.TransactionList.as_view()),
    path("rest/<int:merchant_id>/by-rrn/", rest.ByRrn.as_view()),
    path("rest/<int:merchant_id>/by-last-four/", rest.ByLastFour.as_view()),
    path("tables/<int:merchant_id>/", tables.TransactionPage.as_view()),
    path("rest/all/by-rrn/", rest.ByRrn.as_view()),
    path("tables/all/", tables.TransactionPage.as_view()),
    path("doors/heartbeat/", devices.Beat.as_view()),
    path("doors/transactions/", devices.TakeIn.as_view()),
    path("stock/", admin_site.stock.urls),
    path("arranged/", admin_site.arranged.urls),
    path("tuned/", admin_site.tuned.urls),
]
