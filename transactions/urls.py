"""Routes of transactions: /overview/ and /transactions/…"""

from django.urls import path

from transactions.records.views import details, files, lists
from transactions.reports.views import days, overview

app_name = "transactions"
urlpatterns = [
    path("overview/", overview.overview, name="overview"),
    path("overview/newest/", overview.newest, name="overview-newest"),
    path("transactions/", lists.list_page, name="list"),
    path("transactions/newest/", lists.newest, name="newest"),
    path("transactions/export/", files.export_file, name="export"),
    path("transactions/day-summary/", days.day_summary, name="day-summary"),
    path("transactions/<slug:reference>/", details.detail_page, name="detail"),
]
