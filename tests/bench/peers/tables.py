"""The list as django-tables2 and django-filter make it together."""

from typing import Any

import django_filters
import django_tables2
from django.db.models import QuerySet
from django_filters.views import FilterView

from transactions.records.models import Kind, Method, Status, Transaction


class TransactionTable(django_tables2.Table):  # type: ignore[misc]
    """The columns of our page."""

    serial = django_tables2.Column(accessor="terminal__serial")
    store = django_tables2.Column(accessor="store__name")

    class Meta:
        model = Transaction
        fields = (
            *("occurred_at", "reference", "rrn", "kind", "status", "method", "card_bin"),
            *("card_last4", "amount_minor", "currency", "serial", "store"),
        )


class TransactionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of our page."""

    kind = django_filters.MultipleChoiceFilter(choices=Kind.choices)
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    method = django_filters.MultipleChoiceFilter(choices=Method.choices)
    business_date = django_filters.DateFromToRangeFilter()
    amount_minor = django_filters.RangeFilter()
    rrn = django_filters.CharFilter(lookup_expr="icontains")
    card_last4 = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = ()


class TransactionPage(django_tables2.SingleTableMixin, FilterView):  # type: ignore[misc]
    """Transactions of one merchant, or of all, newest first."""

    table_class = TransactionTable
    filterset_class = TransactionFilter
    template_name = "peers/list.html"
    paginate_by = 50

    def get_queryset(self) -> QuerySet[Transaction]:
        """Join what the table shows, so that there is no query a row."""
        rows = Transaction.objects.filter(**self.kwargs)
        return rows.select_related("terminal", "store").order_by("-occurred_at", "-id")

    def get_table_kwargs(self) -> dict[str, Any]:
        """Keep the order of the query."""
        return {"order_by": ()}
