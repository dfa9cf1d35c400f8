"""Mounts the apps by string, and what machines ask."""

from django.urls import include, path

from portal import health

urlpatterns = [
    path("", include("portal.accounts.urls")),
    path("audit/", include("portal.audit.urls")),
    path("jobs/", include("portal.jobs.urls")),
    path("terminals/", include("terminals.urls")),
    path("", include("transactions.urls")),
    path("api/", include("portal.api_urls")),
    path("api/schema/", health.schema, name="schema"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path(".well-known/security.txt", health.security_txt, name="security-txt"),
]

handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.forbidden"
handler404 = "portal.errors.not_found"
handler500 = "portal.errors.server_error"
