"""The transactions app."""

from django.apps import AppConfig


class TransactionsConfig(AppConfig):
    """Registers the transactions app."""

    name = "transactions"
    default_auto_field = "django.db.models.BigAutoField"
