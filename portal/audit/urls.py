"""Routes of the log: /audit/ …"""

from django.urls import path

from portal.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.search, name="search"),
    path("export/", views.export, name="export"),
    path("<str:on>/<uuid:entry_id>/", views.detail, name="entry"),
]
