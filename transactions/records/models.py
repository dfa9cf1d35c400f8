"""The book of record: transactions as terminals and channels reported them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor
from terminals.fleet.models import Terminal


class Kind(models.TextChoices):
    """What a transaction does."""

    SALE = "SALE", _("Sale")
    VOID = "VOID", _("Void")
    REFUND = "REFUND", _("Refund")
    PREAUTH = "PREAUTH", _("Pre-authorisation")
    COMPLETION = "COMPLETION", _("Completion")
    PREAUTH_CANCEL = "PREAUTH_CANCEL", _("Pre-authorisation cancel")


class Status(models.TextChoices):
    """How a transaction ended."""

    APPROVED = "APPROVED", _("Approved")
    DECLINED = "DECLINED", _("Declined")
    REVERSED = "REVERSED", _("Reversed")


class Method(models.TextChoices):
    """What the customer paid with."""

    CARD = "CARD", _("Bank card")
    ALIPAY = "ALIPAY", _("Alipay")
    WECHAT = "WECHAT", _("WeChat Pay")
    UNIONPAY_QR = "UNIONPAY_QR", _("UnionPay QR")
    CASH = "CASH", _("Cash")


class CardType(models.TextChoices):
    """The sort of bank card, where it was stated."""

    DEBIT = "DEBIT", _("Debit card")
    CREDIT = "CREDIT", _("Credit card")
    PREPAID = "PREPAID", _("Prepaid card")


class EntryMode(models.TextChoices):
    """How the card or code was read (ISO 8583 field 22)."""

    CHIP = "CHIP", _("Chip")
    CONTACTLESS = "CONTACTLESS", _("Contactless")
    MAGSTRIPE = "MAGSTRIPE", _("Magnetic stripe")
    MANUAL = "MANUAL", _("Key entry")
    QR = "QR", _("QR code")
    ONLINE = "ONLINE", _("Online, card not present")


MONEY_IN = (Kind.SALE, Kind.COMPLETION)
MONEY_OUT = (Kind.VOID, Kind.REFUND)


class TransactionQuerySet(models.QuerySet["Transaction"]):
    """Transactions, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "TransactionQuerySet":
        """Keep the rows of the actor's merchant; staff with transaction.read see all."""
        if actor.merchant_id is not None:
            return self.filter(merchant_id=actor.merchant_id)
        return self if actor.may("transaction.read") else self.none()


class Transaction(models.Model):
    """One transaction as it was reported; never changed, only followed by others.

    ``amount_minor`` is what the slip says, always positive; ``net_minor`` is what it does
    to the merchant's takings: plus for approved sales, minus for approved refunds and
    voids, else nothing. ``business_date`` is the day in Asia/Shanghai; the table is
    partitioned by its month and its database primary key is (merchant, date, id).
    """

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    business_date = models.DateField()
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", null=True, db_index=False)
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+", db_index=False)
    reference = models.CharField(max_length=32)
    rrn = models.CharField(max_length=12)
    batch_no = models.PositiveIntegerField(null=True)
    trace_no = models.PositiveIntegerField(null=True)
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=12, choices=Status)
    method = models.CharField(max_length=12, choices=Method)
    card_type = models.CharField(max_length=8, choices=CardType, blank=True)
    entry_mode = models.CharField(max_length=12, choices=EntryMode, blank=True)
    card_bin = models.CharField(max_length=6, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_token = models.CharField(max_length=64, blank=True)
    amount_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3, default="CNY")
    response_code = models.CharField(max_length=4, blank=True)
    mcc = models.CharField(max_length=4, blank=True)
    operator_no = models.CharField(max_length=4, blank=True)
    original_date = models.DateField(null=True)
    original_id = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    lat = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    lon = models.DecimalField(max_digits=9, decimal_places=6, null=True)

    objects = TransactionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="transaction_kind_known", condition=Q(kind__in=Kind.values)
            ),
            models.CheckConstraint(
                name="transaction_status_known", condition=Q(status__in=Status.values)
            ),
            models.CheckConstraint(
                name="transaction_method_known", condition=Q(method__in=Method.values)
            ),
            models.CheckConstraint(
                name="transaction_card_type_known",
                condition=Q(card_type="") | Q(card_type__in=CardType.values),
            ),
            models.CheckConstraint(
                name="transaction_entry_mode_known",
                condition=Q(entry_mode="") | Q(entry_mode__in=EntryMode.values),
            ),
            models.CheckConstraint(
                name="transaction_amount_is_positive", condition=Q(amount_minor__gt=0)
            ),
            models.CheckConstraint(
                name="transaction_net_follows_kind_and_status",
                condition=Q(
                    status="APPROVED",
                    kind__in=["SALE", "COMPLETION"],
                    net_minor=models.F("amount_minor"),
                )
                | Q(
                    status="APPROVED",
                    kind__in=["VOID", "REFUND"],
                    net_minor=-models.F("amount_minor"),
                )
                | Q(status="APPROVED", kind__in=["PREAUTH", "PREAUTH_CANCEL"], net_minor=0)
                | Q(status__in=["DECLINED", "REVERSED"], net_minor=0),
            ),
            models.CheckConstraint(
                name="transaction_original_is_whole",
                condition=Q(original_id=None, original_date=None)
                | Q(original_id__isnull=False, original_date__isnull=False),
            ),
            models.CheckConstraint(
                name="transaction_card_digits",
                condition=Q(card_last4__regex=r"^([0-9]{4})?$")
                & Q(card_bin__regex=r"^([0-9]{6})?$"),
            ),
        ]
        indexes = [
            # a merchant's list, newest first, page after page
            models.Index(name="txn_of_merchant", fields=["merchant", "-occurred_at", "-id"]),
            # a merchant's search by the last four digits of a card
            models.Index(
                name="txn_by_last4", fields=["merchant", "card_last4", "-occurred_at", "-id"]
            ),
            # exact search by retrieval reference number
            models.Index(name="txn_by_rrn", fields=["rrn"]),
            # one record by its public reference
            models.Index(name="txn_by_reference", fields=["reference"]),
            # a terminal's list, newest first
            models.Index(name="txn_of_terminal", fields=["terminal", "-occurred_at", "-id"]),
            # the operator's list over all merchants
            models.Index(name="txn_newest", fields=["-occurred_at", "-id"]),
            # what followed a sale: its voids and refunds
            models.Index(
                name="txn_of_original",
                fields=["merchant", "original_date", "original_id"],
                condition=Q(original_id__isnull=False),
            ),
        ]


class DailyTotalQuerySet(models.QuerySet["DailyTotal"]):
    """Daily totals, as far as an actor may see them."""

    def visible_to(self, actor: Actor) -> "DailyTotalQuerySet":
        """Keep the totals of the actor's merchant; staff with transaction.read see all."""
        if actor.merchant_id is not None:
            return self.filter(merchant_id=actor.merchant_id)
        return self if actor.may("transaction.read") else self.none()


class DailyTotal(models.Model):
    """Count and sums of one merchant's transactions of one day, kind and status.

    Kept by intake in the same statement as the rows it counts; ``reconcile`` proves equal.
    """

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", db_index=False)
    business_date = models.DateField()
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=12, choices=Status)
    currency = models.CharField(max_length=3, default="CNY")
    count = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()

    objects = DailyTotalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="daily_total_once",
                fields=["merchant", "business_date", "kind", "status", "currency"],
            ),
            models.CheckConstraint(
                name="daily_total_kind_known", condition=Q(kind__in=Kind.values)
            ),
            models.CheckConstraint(name="daily_total_counts", condition=Q(count__gt=0)),
            models.CheckConstraint(
                name="daily_total_status_known", condition=Q(status__in=Status.values)
            ),
        ]
        indexes = [
            # the platform's own totals by day
            models.Index(name="daily_total_by_date", fields=["business_date"]),
        ]
