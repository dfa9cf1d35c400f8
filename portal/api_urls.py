"""Mounts what programs call, under /api/, by string."""

from django.urls import include, path

urlpatterns = [
    path("device/v1/", include("terminals.device_urls")),
    path("device/v1/", include("transactions.device_urls")),
]
