"""Who works for a merchant: people who sign in to the portal, operators at a terminal."""

from django.db import models
from django.db.models import Q

from merchants.profiles.models import Merchant
from portal.accounts.models import Role, User
from portal.kit.actor import Actor

MERCHANT_ROLES = (Role.OWNER, Role.MANAGER, Role.CASHIER, Role.FINANCE)


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "MembershipQuerySet":
        """Keep the memberships of the actor's merchant; staff see all."""
        if actor.merchant_id is not None:
            return self.filter(merchant_id=actor.merchant_id)
        return self if actor.may("merchant.read") else self.none()


class Membership(models.Model):
    """A person's place in one merchant, with a role."""

    user = models.OneToOneField(User, models.PROTECT, related_name="+")
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField()

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="membership_role_is_a_merchants", condition=Q(role__in=MERCHANT_ROLES)
            ),
        ]

    def __str__(self) -> str:
        return self.role


class TerminalOperator(models.Model):
    """Somebody who signs in at a terminal with an operator number of 2 to 4 digits."""

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    number = models.CharField(max_length=4)
    name = models.CharField(max_length=80)
    password = models.CharField(max_length=128)
    failures = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="terminal_operator_number_once", fields=["merchant", "number"]
            ),
            models.CheckConstraint(
                name="terminal_operator_number_is_digits",
                condition=Q(number__regex=r"^[0-9]{2,4}$"),
            ),
        ]

    def __str__(self) -> str:
        return self.number
