"""How a merchant is called, and which states follow which."""

from merchants.profiles.models import MerchantStatus
from portal.kit.lifecycle import Moves


def called(name: str, name_en: str, *, language: str) -> str:
    """Return a merchant's name in the reader's language, as far as it has one there."""
    return name_en if language.startswith("en") and name_en else name


MOVES: Moves = {
    MerchantStatus.ACTIVE: frozenset({MerchantStatus.SUSPENDED, MerchantStatus.CLOSED}),
    MerchantStatus.SUSPENDED: frozenset({MerchantStatus.ACTIVE, MerchantStatus.CLOSED}),
    MerchantStatus.CLOSED: frozenset[str](),
}
