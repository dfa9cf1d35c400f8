"""The columns of a list of transactions, and the columns of a file of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list: how soon a narrow screen drops it, and what of it a file holds.

    ``priority`` 1 always stays, 2 goes under 760 px of room, 3 under 1,000 px.
    """

    key: str
    priority: int
    exported: tuple[str, ...]
    at_first: bool = True
    of_staff: bool = False
    css: str = ""


COLUMNS = (
    Column("at", 1, ("occurred_at",), css="time"),
    Column("reference", 2, ("reference",)),
    Column("merchant", 2, ("merchant_code", "merchant_name"), of_staff=True, css="clip"),
    Column("kind", 2, ("kind",)),
    Column("method", 2, ("method", "card_type")),
    Column("card", 3, ("card",)),
    Column("terminal", 2, ("serial", "terminal_no", "store_code", "store_name")),
    Column("rrn", 3, ("rrn",), at_first=False),
    Column("trace", 3, ("batch_no", "trace_no"), at_first=False),
    Column("entry", 3, ("entry_mode",), at_first=False),
    Column("response", 3, ("response_code",), at_first=False),
    Column("operator", 3, ("operator_no",), at_first=False),
    Column("received", 3, ("received_at",), at_first=False),
    Column("status", 1, ("status",)),
    Column("amount", 1, ("currency", "amount", "net"), css="num"),
)
ALWAYS = ("at", "amount")
# A file of everything, in the order people read a slip.
FILE_COLUMNS = (
    "occurred_at", "received_at", "business_date", "reference", "rrn", "merchant_code",
    "merchant_name", "store_code", "store_name", "serial", "terminal_no", "batch_no",
    "trace_no", "kind", "status", "response_code", "method", "card_type", "entry_mode", "card",
    "currency", "amount", "net", "operator_no", "mcc",
)  # fmt: skip


def offered(*, staff: bool) -> tuple[Column, ...]:
    """Return the columns a person can choose from."""
    return tuple(column for column in COLUMNS if staff or not column.of_staff)


def shown(chosen: Iterable[str], *, staff: bool) -> tuple[Column, ...]:
    """Return the columns of the list in their order; without a choice, the usual ones."""
    keys = {*chosen, *ALWAYS} if set(chosen) & {column.key for column in COLUMNS} else set()
    return tuple(
        column
        for column in offered(staff=staff)
        if (column.key in keys if keys else column.at_first)
    )


def exported(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the columns of a file that holds what these columns show."""
    wanted = {name for column in columns for name in column.exported}
    return tuple(name for name in FILE_COLUMNS if name in wanted)
