"""The merchants' tables, gathered for Django."""

from merchants.profiles.models import Merchant, Store
from merchants.staff.models import Membership, TerminalOperator

__all__ = ["Membership", "Merchant", "Store", "TerminalOperator"]
