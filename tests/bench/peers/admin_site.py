"""The list as Django's admin makes it: as it comes, arranged as ours, tuned as users advise.

All show the columns of our page. As it comes, the admin orders by key and shows a hundred
rows; arranged, fifty rows, newest first, joined.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet

from transactions.records.models import Transaction

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Transaction]
else:
    Admin = admin.ModelAdmin  # Django's own class takes no type argument
COLUMNS = (
    *("occurred_at", "reference", "rrn", "kind", "status", "method", "card_bin"),
    *("card_last4", "amount_minor", "currency", "terminal", "store", "merchant"),
)


class StockAdmin(Admin):
    """The change list with nothing but its declarations."""

    list_display = COLUMNS
    list_filter = ("kind", "status", "method")
    search_fields = ("rrn",)


class ArrangedAdmin(StockAdmin):
    """The same in the order and the size of our page."""

    list_select_related = ("terminal", "store", "merchant")
    list_per_page = 50
    ordering = ("-occurred_at", "-id")


class EstimatedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts the whole table by the planner's estimate, anything less exactly."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, about."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if rows.query.where:
            return rows.count()
        with connection.cursor() as cursor:
            cursor.execute(
                "select sum(greatest(reltuples, 0))::bigint from pg_partition_tree(%s)"
                " join pg_class on oid = relid where isleaf",
                [Transaction._meta.db_table],
            )
            return int(cursor.fetchone()[0])


class TunedAdmin(ArrangedAdmin):
    """No second count, the first one estimated, search by equality."""

    show_full_result_count = False
    paginator = EstimatedPaginator
    search_fields = ("=rrn",)


stock = admin.AdminSite(name="stock")
stock.register(Transaction, StockAdmin)
arranged = admin.AdminSite(name="arranged")
arranged.register(Transaction, ArrangedAdmin)
tuned = admin.AdminSite(name="tuned")
tuned.register(Transaction, TunedAdmin)
