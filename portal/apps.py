"""The portal app."""

from django.apps import AppConfig

# Every process that sets Django up sends to this Celery app. It is not imported in the package
# itself, so that the supervisor and the tests' servers start without Celery and Django.
from portal.celery import app as celery_app

__all__ = ["PortalConfig", "celery_app"]


class PortalConfig(AppConfig):
    """Registers the portal app."""

    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"
