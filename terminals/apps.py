"""The terminals app."""

from django.apps import AppConfig


class TerminalsConfig(AppConfig):
    """Registers the terminals app."""

    name = "terminals"
    default_auto_field = "django.db.models.BigAutoField"
