"""Rows of transactions as HTML, made outside the template: three times faster than a loop."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.db.models import TextChoices
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy

from portal.kit.markup import markup
from portal.templatetags.lists import td_select
from portal.templatetags.money import amount
from portal.templatetags.ui import badge, card, copy
from portal.templatetags.when import NOTHING, when
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
    "operator": gettext_lazy("Operator"),
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
    """The labels of stored codes in one language."""

    def __init__(self) -> None:
        sets: Iterable[type[TextChoices]] = (Kind, Status, Method, CardType, EntryMode)
        self.of = {member.value: str(member.label) for codes in sets for member in codes}

    def method(self, row: Row) -> str:
        """Name what was paid with: the sort of card says more than that it was one."""
        return self.of[row.card_type or row.method]


@lru_cache(maxsize=8)
def _words(_language: str) -> Words:
    return Words()


def words() -> Words:
    """Return the labels in the reader's language."""
    return _words(get_language() or "")


def heads(columns: Sequence[Column]) -> tuple[Head, ...]:
    """Return the heads of columns."""
    return tuple(
        Head(
            column.key,
            str(HEADS[column.key]),
            _css(column, of_head=True),
            column.key if column.key == SORTED_BY else "",
        )
        for column in columns
    )


def choices(offered: Sequence[Column], shown: Sequence[Column]) -> tuple[Head, ...]:
    """Return the columns of the column chooser."""
    return tuple(
        Head(column.key, str(HEADS[column.key]), "", "", shown=column in shown)
        for column in offered
    )


def rows_html(
    rows: Sequence[Row], columns: Sequence[Column], *, selectable: bool = True
) -> SafeString:
    """Write the rows of a table."""
    said = words()
    url = escape(reverse("transactions:detail", args=[PLACEHOLDER]))
    cells = [(_CELLS[column.key], _opening(column)) for column in columns]
    body = []
    for row in rows:
        box = td_select(row.reference) if selectable else ""
        net = f' data-net="{row.net_minor}"' if row.currency == HOME else ""
        body.append(f"<tr{net}>{box}")
        for cell, opening in cells:
            body.append(f"{opening}{cell(row, said, url)}</td>")
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


def _at(row: Row, said: Words, url: str) -> str:
    href = url.replace(PLACEHOLDER, escape(row.reference))
    return (
        f'<a class="row-link" href="{href}">{when(row.occurred_at)}</a>'
        f'<small class="second">{said.of[row.kind]} · {said.method(row)}</small>'
    )


def _terminal(row: Row, _said: Words, _url: str) -> str:
    serial = f'<span class="mono">{escape(row.serial)}</span>' if row.serial else NOTHING
    return f'{serial} <span class="sub">{escape(row.store_name)}</span>'


def _merchant(row: Row, _said: Words, _url: str) -> str:
    name = row.merchant_name_en if get_language() == "en" else ""
    return (
        f'{escape(name or row.merchant_name)} <span class="sub">{escape(row.merchant_code)}</span>'
    )


def _amount(row: Row, _said: Words, _url: str) -> str:
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


Cell = Callable[[Row, Words, str], str]
_CELLS: dict[str, Cell] = {
    "at": _at,
    "reference": lambda row, _said, _url: copy(row.reference),
    "merchant": _merchant,
    "kind": lambda row, said, _url: said.of[row.kind],
    "method": lambda row, said, _url: said.method(row),
    "card": lambda row, _said, _url: card(row.card_bin, row.card_last4),
    "terminal": _terminal,
    "rrn": lambda row, _said, _url: copy(row.rrn),
    "trace": lambda row, _said, _url: f'<span class="mono">{_trace(row)}</span>',
    "entry": lambda row, said, _url: said.of.get(row.entry_mode, NOTHING),
    "response": lambda row, _said, _url: escape(_response(row)),
    "operator": lambda row, _said, _url: escape(row.operator_no or NOTHING),
    "received": lambda row, _said, _url: when(row.received_at),
    "status": lambda row, said, _url: badge(row.status, said.of[row.status]),
    "amount": _amount,
}
