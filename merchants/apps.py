"""The merchants app."""

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    """Registers the merchants app."""

    name = "merchants"
    default_auto_field = "django.db.models.BigAutoField"
