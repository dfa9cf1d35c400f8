"""Rows of transactions as HTML, made outside the template: three times faster than a loop."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.db.models import TextChoices
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy

from portal.kit.markup import markup
from portal.templatetags.lists import box
from portal.templatetags.money import amount
from portal.templatetags.ui import badge, card, copy
from portal.templatetags.when import NOTHING, Clock
from transactions.records.models import CardType, EntryMode, Kind, Method, Status
from transactions.records.queries.rows import Row
from transactions.records.rules.columns import Column
from transactions.records.rules.responses import meaning

HEADS = {
    "at": gettext_lazy("Time"),
    "reference": gettext_lazy("Reference"),
    "merchant": gettext_lazy("Merchant"),
    "kind": gettext_lazy("Kind"),
    "method": gettext_lazy("Method"),
    "card": gettext_lazy("Card"),
    "terminal": gettext_lazy("Terminal"),
    "rrn": gettext_lazy("RRN"),
    "trace": gettext_lazy("Batch / trace"),
    "entry": gettext_lazy("Entry mode"),
    "response": gettext_lazy("Answer"),
    "operator": gettext_lazy("Operator number"),
    "received": gettext_lazy("Received"),
    "status": gettext_lazy("Status"),
    "amount": gettext_lazy("Amount"),
}
HOME = "CNY"
SORTED_BY = "at"
PLACEHOLDER = "REFERENCE"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: its words, its class, and what it sorts by."""

    key: str
    label: str
    css: str
    sort: str
    shown: bool = True


class Words:
    """The labels of stored codes in one language, as HTML."""

    def __init__(self) -> None:
        sets: Iterable[type[TextChoices]] = (Kind, Status, Method, CardType, EntryMode)
        self.of = {member.value: str(member.label) for codes in sets for member in codes}
        self.select = gettext("Select %(row)s")
        self.is_english = get_language() == "en"

    def method(self, row: Row) -> str:
        """Name what was paid with: the sort of card says more than that it was one."""
        return self.of[row.card_type or row.method]


@lru_cache(maxsize=8)
def _words(_language: str) -> Words:
    return Words()


def words() -> Words:
    """Return the labels in the reader's language."""
    return _words(get_language() or "")


class Ink:
    """What the rows of one page are written with."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.said = words()
        self.of_all = any(column.of_staff for column in columns)
        self.clock = Clock()
        self.address = escape(reverse("transactions:detail", args=[PLACEHOLDER]))


def heads(columns: tuple[Column, ...]) -> tuple[Head, ...]:
    """Return the heads of columns."""
    return _heads(columns, get_language() or "")


@lru_cache(maxsize=256)
def _heads(columns: tuple[Column, ...], _language: str) -> tuple[Head, ...]:
    return tuple(
        Head(
            column.key,
            str(HEADS[column.key]),
            _css(column, of_head=True),
            column.key if column.key == SORTED_BY else "",
        )
        for column in columns
    )


def choices(offered: tuple[Column, ...], shown: tuple[Column, ...]) -> tuple[Head, ...]:
    """Return the columns of the column chooser."""
    return _choices(offered, shown, get_language() or "")


@lru_cache(maxsize=256)
def _choices(
    offered: tuple[Column, ...], shown: tuple[Column, ...], _language: str
) -> tuple[Head, ...]:
    return tuple(
        Head(column.key, str(HEADS[column.key]), "", "", shown=column in shown)
        for column in offered
    )


def rows_html(
    rows: Sequence[Row], columns: Sequence[Column], *, selectable: bool = True
) -> SafeString:
    """Write the rows of a table."""
    ink = Ink(columns)
    cells = [(_CELLS[column.key], _opening(column)) for column in columns]
    body = []
    for row in rows:
        tick = box(row.reference, ink.said.select) if selectable else ""
        net = f' data-net="{row.net_minor}"' if row.currency == HOME else ""
        body.append(f"<tr{net}>{tick}")
        for cell, opening in cells:
            body.append(f"{opening}{cell(row, ink)}</td>")
        body.append("</tr>")
    return markup("".join(body))


def _css(column: Column, *, of_head: bool = False) -> str:
    level = f"p{column.priority}" if column.priority > 1 else ""
    own = "" if of_head and column.css == "time" else column.css
    strong = "strong" if column.key == "amount" and not of_head else ""
    return " ".join(filter(None, [own, level, strong]))


def _opening(column: Column) -> str:
    css = _css(column)
    return f'<td class="{css}">' if css else "<td>"


def _at(row: Row, ink: Ink) -> str:
    href = ink.address.replace(PLACEHOLDER, escape(row.reference))
    return (
        f'<a class="row-link" href="{href}">{ink.clock.write(row.occurred_at)}</a>'
        f'<small class="second">{ink.said.of[row.kind]} · {ink.said.method(row)}</small>'
    )


def _terminal(row: Row, ink: Ink) -> str:
    serial = f'<span class="mono">{escape(row.serial)}</span>' if row.serial else NOTHING
    # where the merchant has a column of its own, there is no room for the store as well
    store = "" if ink.of_all else f' <span class="sub">{escape(row.store_name)}</span>'
    return f"{serial}{store}"


def _merchant(row: Row, ink: Ink) -> str:
    english = row.merchant_name_en if ink.said.is_english else ""
    name, code = escape(english or row.merchant_name), escape(row.merchant_code)
    return f'<span title="{name} {code}">{name} <span class="sub">{code}</span></span>'


def _amount(row: Row, _ink: Ink) -> str:
    place = row.store_name or row.merchant_name
    figure = amount(row.signed_minor, row.currency)
    return f'{figure}<small class="second">{escape(place)}</small>'


def _trace(row: Row) -> str:
    if row.trace_no is None:
        return NOTHING
    return f"{row.batch_no or 0:06d} / {row.trace_no:06d}"


def _response(row: Row) -> str:
    if not row.response_code:
        return NOTHING
    return f"{row.response_code} {meaning(row.response_code)}"


Cell = Callable[[Row, Ink], str]
_CELLS: dict[str, Cell] = {
    "at": _at,
    "reference": lambda row, _ink: copy(row.reference),
    "merchant": _merchant,
    "kind": lambda row, ink: ink.said.of[row.kind],
    "method": lambda row, ink: ink.said.method(row),
    "card": lambda row, _ink: card(row.card_bin, row.card_last4),
    "terminal": _terminal,
    "rrn": lambda row, _ink: copy(row.rrn),
    "trace": lambda row, _ink: f'<span class="mono">{_trace(row)}</span>',
    "entry": lambda row, ink: ink.said.of.get(row.entry_mode, NOTHING),
    "response": lambda row, _ink: escape(_response(row)),
    "operator": lambda row, _ink: escape(row.operator_no or NOTHING),
    "received": lambda row, ink: ink.clock.write(row.received_at),
    "status": lambda row, ink: badge(row.status, ink.said.of[row.status]),
    "amount": _amount,
}
