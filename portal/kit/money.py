"""Amounts of money: integers of the minor unit with the currency beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


class UnlikeCurrencies(ValueError):
    """Two amounts of different currencies were about to meet."""


class NotAnAmount(ValueError):
    """Text that does not state an amount of money."""


MINOR_DIGITS = {"CNY": 2, "HKD": 2, "MOP": 2, "USD": 2, "EUR": 2, "JPY": 0}


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """``minor`` units (fen for CNY) of one ``currency`` (ISO 4217, three letters)."""

    minor: int
    currency: str = "CNY"

    def __add__(self, other: "Money") -> "Money":
        self._alike(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._alike(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def share(self, weights: Sequence[int]) -> list["Money"]:
        """Split by weights with the largest remainder; the parts always sum to the whole."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must be positive")
        parts = [self.minor * weight // total for weight in weights]
        by_remainder = sorted(
            range(len(weights)), key=lambda i: (-(self.minor * weights[i] % total), i)
        )
        for i in by_remainder[: self.minor - sum(parts)]:
            parts[i] += 1
        return [Money(part, self.currency) for part in parts]

    def _alike(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise UnlikeCurrencies(f"{self.currency} and {other.currency}")


def round_half_up(value: Decimal) -> int:
    """Round to the minor unit, halves away from zero: the one rounding of the product."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def parse(text: str, currency: str = "CNY") -> Money:
    """Read "1234.50" (no grouping, exact) as money.

    :raises NotAnAmount: if the text is not a plain decimal of the currency's precision
    """
    whole, _, fraction = text.strip().partition(".")
    digits = MINOR_DIGITS.get(currency, 2)
    unsigned = whole.removeprefix("-")
    if not (unsigned.isascii() and unsigned.isdigit()) or len(unsigned) > 14:  # noqa: PLR2004
        raise NotAnAmount(text)
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise NotAnAmount(text)
    if len(fraction) > digits and fraction[digits:].strip("0"):
        raise NotAnAmount(text)
    minor = int(unsigned + fraction[:digits].ljust(digits, "0"))
    return Money(-minor if whole.startswith("-") else minor, currency)


def plain(minor: int, currency: str = "CNY") -> str:
    """Write an amount as a plain decimal for files: ``-1234`` fen is ``-12.34``."""
    digits = MINOR_DIGITS.get(currency, 2)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"
