"""The list as Django REST framework's tutorial makes it: serializer, paginator, search."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import filters, generics, pagination, serializers

from transactions.records.models import Transaction


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    """The columns of our page."""

    serial = serializers.CharField(source="terminal.serial")
    store = serializers.CharField(source="store.name")

    class Meta:
        model = Transaction
        fields = (
            *("occurred_at", "reference", "rrn", "kind", "status", "method", "card_bin"),
            *("card_last4", "amount_minor", "currency", "serial", "store"),
        )


class FiftyRows(pagination.PageNumberPagination):
    """Pages as long as ours."""

    page_size = 50


class TransactionList(generics.ListAPIView[Transaction]):
    """Transactions of one merchant, or of all, newest first."""

    serializer_class = TransactionSerializer
    pagination_class = FiftyRows

    def get_queryset(self) -> QuerySet[Transaction]:
        """Join what the serializer reads, so that there is no query a row."""
        rows = Transaction.objects.filter(**self.kwargs)
        return rows.select_related("terminal", "store").order_by("-occurred_at", "-id")


class ByRrn(TransactionList):
    """Its search box over reference numbers."""

    filter_backends: Any = [filters.SearchFilter]
    search_fields = ["rrn"]


class ByLastFour(TransactionList):
    """Its search box over the last digits of cards."""

    filter_backends: Any = [filters.SearchFilter]
    search_fields = ["card_last4"]
