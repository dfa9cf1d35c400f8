"""People who sign in, their second factors, sessions and preferences."""

import hmac
import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, DeviceManager, ThrottlingMixin
from django_otp.oath import TOTP, hotp

from portal.kit.secrets import seal, unseal


class Role(models.TextChoices):
    """Every role of the product; the first four belong to a merchant."""

    OWNER = "OWNER", _("Owner")
    MANAGER = "MANAGER", _("Manager")
    CASHIER = "CASHIER", _("Cashier")
    FINANCE = "FINANCE", _("Finance")
    OPERATOR = "OPERATOR", _("Operator")
    COMPLIANCE = "COMPLIANCE", _("Compliance")
    AUDITOR = "AUDITOR", _("Auditor")
    ADMIN = "ADMIN", _("Administrator")


STAFF_ROLES = (Role.OPERATOR, Role.COMPLIANCE, Role.AUDITOR, Role.ADMIN)


class Theme(models.TextChoices):
    """How the pages are lit; AUTO follows the device."""

    AUTO = "AUTO", _("As the device")
    LIGHT = "LIGHT", _("Light")
    DARK = "DARK", _("Dark")


class Language(models.TextChoices):
    """The languages the product speaks."""

    ZH_HANS = "zh-hans", "中文"
    EN = "en", "English"


class UserManager(BaseUserManager["User"]):
    """Finds people by username; making them is an action."""


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]
    """A person who signs in. ``role`` is set for our own staff, a membership for merchants."""

    username = models.CharField(max_length=64, unique=True)
    display_name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=16, choices=Role, blank=True)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, choices=Language, default=Language.ZH_HANS)
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)
    single_keys = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    password_changed_at = models.DateTimeField()

    USERNAME_FIELD = "username"
    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_role_is_staff_or_none",
                condition=Q(role="") | Q(role__in=STAFF_ROLES),
            ),
            models.CheckConstraint(name="user_theme_known", condition=Q(theme__in=Theme.values)),
            models.CheckConstraint(
                name="user_language_known", condition=Q(language__in=Language.values)
            ),
        ]

    def __str__(self) -> str:
        return self.username


class PasswordHistory(models.Model):
    """A password that was used before, as a hash, so that it is not used again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    password = models.CharField(max_length=128)
    replaced_at = models.DateTimeField()


# Steps before and after the present one whose codes pass: none, so that a code lives 30 s
# (ASVS 6.5.5). The server's clock is kept by NTP; a phone that is off is told so by name.
TOLERANCE_STEPS = 0
DIGITS = 6
# Waiting doubles with each wrong code and stops at 2 ** 11 s, about 34 minutes.
WORST_FAILURE_COUNT = 12


class CodeFault(models.TextChoices):
    """What is the matter with a code that did not pass."""

    WRONG = "WRONG", _("That code is not right.")
    USED = "USED", _("That code was used already. Wait for the next one.")
    LATE = "LATE", _("That code is over. Enter the one shown now.")
    EARLY = "EARLY", _("That code is from the future: set the clock of your phone to automatic.")
    WAIT = "WAIT", _("Too many wrong codes. Wait a moment, then enter a new one.")


class AuthenticatorDevice(ThrottlingMixin, Device):  # type: ignore[misc]  # untyped library
    """An authenticator app (TOTP, RFC 6238, 30 s steps) with its seed encrypted."""

    sealed_seed = models.TextField()
    last_step = models.BigIntegerField(default=-1)
    confirmed_at = models.DateTimeField(null=True)

    throttling_failure_count: int
    objects: ClassVar[models.Manager["AuthenticatorDevice"]] = DeviceManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="authenticator_one_confirmed_per_user",
                fields=["user"],
                condition=Q(confirmed=True),
            ),
        ]

    @property
    def seed(self) -> bytes:
        """The secret shared with the app."""
        return unseal(self.sealed_seed, bound_to=self._place)

    @property
    def _place(self) -> str:
        return f"portal_authenticatordevice:sealed_seed:{self.pk}"

    def keep_seed(self, seed: bytes) -> None:
        """Encrypt the secret for this row; the caller writes it."""
        self.sealed_seed = seal(seed, bound_to=self._place)

    def verify_token(self, token: str) -> bool:
        """Take a code, once. Call it through ``django_otp.verify_token``, which locks the row."""
        allowed, _why = self.verify_is_allowed()
        if not allowed:
            return False
        step = self._step_of(token, range(-TOLERANCE_STEPS, TOLERANCE_STEPS + 1))
        if step is None:
            self.throttle_increment(commit=True)
            return False
        if step <= self.last_step:
            # Not a guess: the code is right but spent, as when a form is sent twice.
            return False
        self.last_step = step
        self.throttle_reset(commit=True)
        return True

    def fault_of(self, token: str, *, waiting: bool) -> CodeFault:
        """Say what is wrong with a code that did not pass while tries had to wait or not."""
        step = self._step_of(token, range(-2, 3))
        if step is None:
            return CodeFault.WAIT if waiting else CodeFault.WRONG
        if step <= self.last_step:
            return CodeFault.USED
        present = TOTP(self.seed).t()
        if step < present - TOLERANCE_STEPS:
            return CodeFault.LATE
        return CodeFault.EARLY if step > present + TOLERANCE_STEPS else CodeFault.WAIT

    def get_throttle_factor(self) -> int:
        """Return the wait after the first wrong code, in seconds."""
        return 1

    def throttle_increment(self, commit: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's signature
        """Count a wrong code; the wait stops growing at about half an hour."""
        self.throttling_failure_count = min(self.throttling_failure_count, WORST_FAILURE_COUNT - 1)
        super().throttle_increment(commit=commit)

    def _step_of(self, token: str, around: range) -> int | None:
        if not (token.isascii() and token.isdigit() and len(token) == DIGITS):
            return None
        seed, present = self.seed, TOTP(self.seed).t()
        for step in (present + offset for offset in around):
            if hmac.compare_digest(f"{hotp(seed, step, DIGITS):0{DIGITS}d}", token):
                return int(step)
        return None


class RecoveryCode(models.Model):
    """A one-time code for the day the phone is lost, kept only as a keyed hash."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="recovery_code_once", fields=["user", "code_hash"]),
        ]


class UserSession(models.Model):
    """One signed-in browser, listed to its owner and revocable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    password_at = models.DateTimeField()
    otp_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=24, blank=True)

    class Meta:
        indexes = [
            # the person's own list of open sessions, and ending all of them at once
            models.Index(name="session_open_of_user", fields=["user"], condition=Q(ended_at=None)),
        ]
        constraints = [
            models.CheckConstraint(
                name="session_ended_because_iff_ended",
                condition=Q(ended_at=None, ended_because="")
                | (Q(ended_at__isnull=False) & ~Q(ended_because="")),
            ),
        ]


class StepUp(models.Model):
    """A fresh proof of identity in one session, good for one permission for five minutes."""

    session = models.ForeignKey(UserSession, models.CASCADE, related_name="+")
    permission = models.CharField(max_length=64)
    proved_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="step_up_once", fields=["session", "permission"]),
        ]


class SavedView(models.Model):
    """A named filter, column choice and order of one list, private or shared with a role.

    Sharing stays within the merchant of the person who saved it, or within our own staff.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    merchant_id = models.BigIntegerField(null=True)
    list_name = models.CharField(max_length=32)
    name = models.CharField(max_length=60)
    slug = models.CharField(max_length=32)
    query = models.CharField(max_length=1000, blank=True)
    columns = models.JSONField(default=list)
    shared_with_role = models.CharField(max_length=16, choices=Role, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="saved_view_slug_once", fields=["user", "list_name", "slug"]
            ),
            models.CheckConstraint(
                name="saved_view_role_known",
                condition=Q(shared_with_role="") | Q(shared_with_role__in=Role.values),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ListPreference(models.Model):
    """The columns and density a person chose for one list."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    list_name = models.CharField(max_length=32)
    columns = models.JSONField(default=list)
    compact = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="list_preference_once", fields=["user", "list_name"]),
        ]
