"""The transactions' tables, gathered for Django."""

from transactions.intake.models import GivenBack, HistoryKey, IntakeKey
from transactions.records.models import DailyTotal, Transaction
from transactions.risk.models import Label

__all__ = ["DailyTotal", "GivenBack", "HistoryKey", "IntakeKey", "Label", "Transaction"]
