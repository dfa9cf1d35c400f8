"""Merchants and their stores."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kit.actor import Actor


class MerchantStatus(models.TextChoices):
    """Where a merchant stands with the acquirer."""

    ACTIVE = "ACTIVE", _("Active")
    SUSPENDED = "SUSPENDED", _("Suspended")
    CLOSED = "CLOSED", _("Closed")


class MerchantQuerySet(models.QuerySet["Merchant"]):
    """Merchants, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "MerchantQuerySet":
        """Keep the actor's own merchant; staff see all."""
        if actor.merchant_id is not None:
            return self.filter(pk=actor.merchant_id)
        return self if actor.may("merchant.read") else self.none()


class Merchant(models.Model):
    """A business that takes payments through us, known by its merchant number."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=12, choices=MerchantStatus, default=MerchantStatus.ACTIVE)
    suspended_at = models.DateTimeField(null=True)
    mcc = models.CharField(max_length=4, blank=True)
    created_at = models.DateTimeField()

    objects = MerchantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="merchant_status_known", condition=Q(status__in=MerchantStatus.values)
            ),
            models.CheckConstraint(
                name="merchant_suspended_at_iff_suspended",
                condition=Q(status="SUSPENDED", suspended_at__isnull=False)
                | (~Q(status="SUSPENDED") & Q(suspended_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class StoreQuerySet(models.QuerySet["Store"]):
    """Stores, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "StoreQuerySet":
        """Keep the stores of the actor's merchant; staff see all."""
        if actor.merchant_id is not None:
            return self.filter(merchant_id=actor.merchant_id)
        return self if actor.may("merchant.read") else self.none()


class Store(models.Model):
    """A place where a merchant takes payments."""

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+")
    code = models.CharField(max_length=12)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=200, blank=True)

    objects = StoreQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="store_code_once", fields=["merchant", "code"]),
            # the target of composite foreign keys: a row cannot name another merchant's store
            models.UniqueConstraint(name="store_of_merchant", fields=["merchant", "id"]),
        ]

    def __str__(self) -> str:
        return self.name
