"""What the peers' doors write to; the tables are made by the harness (``rows_doors``)."""

from django.db import models

from terminals.fleet.models import Terminal
from transactions.records.models import CardType, EntryMode, Kind, Method, Status


class PeerLiveness(models.Model):
    """When a terminal was last heard, and what it said."""

    terminal = models.OneToOneField(
        Terminal, models.DO_NOTHING, related_name="+", primary_key=True
    )
    last_seen_at = models.DateTimeField()
    said = models.JSONField()

    objects: models.Manager["PeerLiveness"] = models.Manager()

    class Meta:
        managed = False
        db_table = "peer_liveness"


class PeerBeat(models.Model):
    """One heartbeat of the log."""

    terminal = models.ForeignKey(Terminal, models.DO_NOTHING, related_name="+")
    at = models.DateTimeField()
    seq = models.BigIntegerField()
    said = models.JSONField()

    objects: models.Manager["PeerBeat"] = models.Manager()

    class Meta:
        managed = False
        db_table = "peer_beat"


class PeerTransaction(models.Model):
    """One transaction, unique by its terminal's own numbers."""

    merchant_id = models.BigIntegerField()
    terminal = models.ForeignKey(Terminal, models.DO_NOTHING, related_name="+")
    batch_no = models.PositiveIntegerField()
    trace_no = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=12, choices=Status)
    method = models.CharField(max_length=12, choices=Method)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    response_code = models.CharField(max_length=4)
    card_type = models.CharField(max_length=8, choices=CardType, blank=True)
    entry_mode = models.CharField(max_length=12, choices=EntryMode, blank=True)
    card_token = models.CharField(max_length=64, blank=True)
    operator_no = models.CharField(max_length=4, blank=True)
    rrn = models.CharField(max_length=12, blank=True)
    card_bin = models.CharField(max_length=6, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    objects: models.Manager["PeerTransaction"] = models.Manager()

    class Meta:
        managed = False
        db_table = "peer_transaction"


class PeerTotal(models.Model):
    """The running total of one merchant's day."""

    merchant_id = models.BigIntegerField()
    business_date = models.DateField()
    count = models.BigIntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)

    objects: models.Manager["PeerTotal"] = models.Manager()

    class Meta:
        managed = False
        db_table = "peer_total"
