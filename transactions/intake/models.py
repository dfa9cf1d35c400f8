"""Keys that make each report count once, and a sale be given back at most once."""

from django.db import models
from django.db.models import F, Q

from terminals.fleet.models import Terminal


class IntakeKey(models.Model):
    """A terminal's own number for a message (batch and trace), taken exactly once.

    Not partitioned, so that the unique constraint holds over all months. The hash of the
    body tells a repeated message from a different one under the same number.
    """

    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+", db_index=False)
    batch_no = models.PositiveIntegerField()
    trace_no = models.PositiveIntegerField()
    body_sha256 = models.BinaryField(max_length=32)
    merchant_id = models.BigIntegerField()
    business_date = models.DateField()
    transaction_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="intake_key_once", fields=["terminal", "batch_no", "trace_no"]
            ),
        ]


class GivenBack(models.Model):
    """How much of one sale was voided or refunded; the database refuses more than the sale.

    A row exists once anything was given back. Reports that give back lock it, so any number
    of them at once are decided one by one.
    """

    merchant_id = models.BigIntegerField()
    original_date = models.DateField()
    original_id = models.BigIntegerField()
    sale_minor = models.BigIntegerField()
    given_back_minor = models.BigIntegerField()
    is_voided = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="given_back_one_row_a_sale",
                fields=["merchant_id", "original_date", "original_id"],
            ),
            models.CheckConstraint(
                name="given_back_within_sale",
                condition=Q(given_back_minor__gt=0, given_back_minor__lte=F("sale_minor")),
            ),
        ]


class HistoryKey(models.Model):
    """The external id of an imported transaction, taken exactly once per workspace."""

    workspace = models.CharField(max_length=32)
    external_id = models.CharField(max_length=64)
    row_sha256 = models.BinaryField(max_length=32)
    merchant_id = models.BigIntegerField()
    business_date = models.DateField()
    transaction_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="history_key_once", fields=["workspace", "external_id"]),
        ]
