"""The doors for terminals under /api/device/v1/; those for transactions are the next app's."""

from django.urls import path

from terminals.checkin import api

app_name = "device"

urlpatterns = [
    path("activate", api.Activate.as_view(), name="activate"),
    path("sign-in", api.SignIn.as_view(), name="sign-in"),
    path("sign-out", api.SignOut.as_view(), name="sign-out"),
    path("heartbeat", api.heartbeat, name="heartbeat"),
]
