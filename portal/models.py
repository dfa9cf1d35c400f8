"""The floor's tables, gathered for Django."""

from portal.accounts.models import (
    AuthenticatorDevice,
    ListPreference,
    PasswordHistory,
    RecoveryCode,
    SavedView,
    StepUp,
    User,
    UserSession,
)
from portal.audit.models import AuditEntry
from portal.jobs.models import Job, OutboxMessage
from portal.limits.models import RateWindow

__all__ = [
    "AuditEntry",
    "AuthenticatorDevice",
    "Job",
    "ListPreference",
    "OutboxMessage",
    "PasswordHistory",
    "RateWindow",
    "RecoveryCode",
    "SavedView",
    "StepUp",
    "User",
    "UserSession",
]
