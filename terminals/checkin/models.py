"""Daily sign-in of terminals (签到)."""

from django.db import models
from django.db.models import Q

from portal.kit.actor import Actor
from terminals.fleet.models import Terminal, of_terminals


class SignInQuerySet(models.QuerySet["SignIn"]):
    """Sign-ins, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "SignInQuerySet":
        """Keep those of the actor's merchant, all for staff; none without terminal.read."""
        return of_terminals(self, actor)


class SignIn(models.Model):
    """One try of a terminal to sign in for the business day, with how it ended.

    ``signin_id`` is the terminal's own idempotency key; the same id gives the same answer.
    """

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+")
    merchant_id = models.BigIntegerField()
    signin_id = models.CharField(max_length=32)
    body_sha256 = models.CharField(max_length=64)
    business_date = models.DateField()
    at = models.DateTimeField()
    operator_no = models.CharField(max_length=4)
    code = models.CharField(max_length=32)
    reply = models.JSONField(default=dict)
    session_id = models.UUIDField(null=True)
    batch_no = models.PositiveIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    signed_out_at = models.DateTimeField(null=True)

    objects = SignInQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="sign_in_once", fields=["terminal", "signin_id"]),
            models.UniqueConstraint(
                name="sign_in_one_open_session",
                fields=["terminal", "business_date"],
                condition=Q(session_id__isnull=False, signed_out_at=None),
            ),
            models.CheckConstraint(
                name="sign_in_session_iff_ok",
                condition=Q(
                    code="OK",
                    session_id__isnull=False,
                    batch_no__isnull=False,
                    expires_at__isnull=False,
                )
                | (~Q(code="OK") & Q(session_id=None, batch_no=None, expires_at=None)),
            ),
        ]
        indexes = [
            # a terminal's sign-ins, newest first
            models.Index(name="sign_in_of_terminal", fields=["terminal", "-at"]),
            # who has signed in today, and who has not
            models.Index(
                name="sign_in_good_of_day",
                fields=["business_date", "terminal"],
                condition=Q(code="OK"),
            ),
        ]
