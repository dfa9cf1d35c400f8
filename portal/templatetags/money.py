"""Amounts and figures as people read them: ``−¥1,234.50``, ``4,812``, ``2.1%``."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from html import escape
from typing import Literal, Protocol, TypeAlias

from babel.numbers import get_currency_symbol
from django import template
from django.utils.safestring import SafeString

from portal.kit.markup import markup
from portal.kit.money import MINOR_DIGITS

register = template.Library()

MINUS = "\u2212"
NOTHING = "–"
# A name that a template does not know arrives as empty text.
Nothing: TypeAlias = Literal[""] | None


class AmountLike(Protocol):
    """Anything with minor units and a currency."""

    @property
    def minor(self) -> int:
        """Minor units, fen for CNY."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""


@lru_cache(maxsize=32)
def symbol(currency: str) -> str:
    """Return the sign of a currency as read in China, in every language of the product.

    One sign a currency keeps ¥ for yuan alone: other dollars and yen carry their country.
    """
    return get_currency_symbol(currency, "zh_Hans_CN")


def written(minor: int, currency: str) -> str:
    """Write an amount of minor units with its sign, symbol, grouping and decimals."""
    digits = MINOR_DIGITS.get(currency, 2)
    whole, part = divmod(abs(minor), 10**digits)
    decimals = f".{part:0{digits}d}" if digits else ""
    return f"{MINUS if minor < 0 else ''}{symbol(currency)}{whole:,}{decimals}"


def _parts(value: AmountLike | int, currency: str) -> tuple[int, str]:
    if isinstance(value, int):
        return value, currency
    return value.minor, value.currency


@register.filter
def money(value: AmountLike | int | Nothing, currency: str = "CNY") -> str:
    """Write money as plain text; a bare integer is minor units of ``currency``."""
    if value is None or value == "":
        return NOTHING
    return written(*_parts(value, currency))


@register.filter
def amount(value: AmountLike | int | Nothing, currency: str = "CNY") -> SafeString | str:
    """Write money for a cell: what was given back is coloured as well as signed."""
    if value is None or value == "":
        return NOTHING
    minor, code = _parts(value, currency)
    css = "money neg" if minor < 0 else "money"
    return markup(f'<span class="{css}">{escape(written(minor, code))}</span>')


@register.filter
def signed(value: AmountLike | int | Nothing, currency: str = "CNY") -> str:
    """Write a difference: a plus is printed too, and zero has no sign."""
    if value is None or value == "":
        return NOTHING
    minor, code = _parts(value, currency)
    return f"{'+' if minor > 0 else ''}{written(minor, code)}"


@register.filter
def figure(value: int | Nothing) -> str:
    """Write a count with grouping."""
    if value is None or value == "":
        return NOTHING
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


@register.filter
def percent(value: Decimal | float | Nothing, digits: int = 1) -> str:
    """Write a fraction of one as a percentage: ``0.021`` is ``2.1%``."""
    if value is None or value == "":
        return NOTHING
    exact = (Decimal(str(value)) * 100).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{MINUS if exact < 0 else ''}{abs(exact):,}%"


@register.filter
def basis_points(value: Decimal | int | Nothing) -> str:
    """Write a rate held in basis points as a percentage: ``38`` is ``0.38%``."""
    if value is None or value == "":
        return NOTHING
    exact = Decimal(value) / 100
    shortest = (
        exact.quantize(Decimal("0.01")) if exact == exact.quantize(Decimal("0.01")) else exact
    )
    return f"{MINUS if exact < 0 else ''}{abs(shortest):f}%"
