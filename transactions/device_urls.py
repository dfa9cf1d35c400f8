"""The doors for transactions under /api/device/v1/."""

from django.urls import path

from transactions.intake import api

app_name = "intake"

urlpatterns = [
    path("transactions", api.report, name="report"),
    path("transactions/batch", api.report_batch, name="report-batch"),
]
