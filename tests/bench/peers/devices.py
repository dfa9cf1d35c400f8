"""The doors for terminals as Django REST framework's serializers make them.

The signature is the same one and is checked by the same functions; everything after it is
the framework's own way: a model serializer, get_or_create, one transaction a request.
"""

from typing import Any

from django.db.models import F
from django.db.transaction import atomic
from django.utils import timezone
from rest_framework import authentication, exceptions, serializers, views
from rest_framework.request import Request
from rest_framework.response import Response

from terminals.authentication import signature
from terminals.fleet.models import DeviceKey, Terminal
from tests.bench.peers.models import PeerBeat, PeerLiveness, PeerTotal, PeerTransaction


class DeviceSignature(authentication.BaseAuthentication):
    """Lets a message pass that its terminal has signed."""

    tags = ("pos-hb-1", "pos-txn-1")

    def authenticate(self, request: Request) -> tuple[None, Terminal]:
        """Return the terminal that signed.

        :raises AuthenticationFailed: if none did
        """
        stated, signed, digest = signature.headers_of(request.META)
        try:
            envelope = signature.read(stated, signed, tag=stated.rpartition('tag="')[2][:-1])
            signature.check_digest(digest, request.body)
            signature.check_time(envelope, now=timezone.now())
            number, _colon, generation = envelope.keyid.partition(":")
            key = DeviceKey.objects.select_related("terminal").get(
                terminal__terminal_no=number, generation=generation, revoked_at=None
            )
            signature.verify(
                envelope,
                method="POST",
                target=request.build_absolute_uri(),
                digest=digest,
                public_key=signature.read_public_key(key.public_key),
            )
        except (signature.BadSignature, signature.BadDigest, signature.ClockSkew) as bad:
            raise exceptions.AuthenticationFailed from bad
        except DeviceKey.DoesNotExist as unknown:
            raise exceptions.AuthenticationFailed from unknown
        return None, key.terminal


class Said(serializers.Serializer[Any]):
    """The parts of a heartbeat, as the framework checks them."""

    v = serializers.IntegerField()
    msg_id = serializers.RegexField("^[0-9a-f]{32}$")
    seq = serializers.IntegerField(min_value=1)
    boot_count = serializers.IntegerField(min_value=0)
    uptime_s = serializers.IntegerField(min_value=0)
    sent_at = serializers.DateTimeField()
    challenge = serializers.CharField(max_length=44)
    reason = serializers.CharField(required=False)
    power = serializers.DictField()
    net = serializers.DictField()
    hw = serializers.DictField()
    sec = serializers.DictField()
    sw = serializers.DictField()
    biz = serializers.DictField(required=False)


class Beat(views.APIView):
    """Take a heartbeat: get, save, log."""

    authentication_classes = [DeviceSignature]

    @atomic
    def post(self, request: Request) -> Response:
        """Note that the terminal lives."""
        said = Said(data=request.data)
        said.is_valid(raise_exception=True)
        terminal: Terminal = request.auth  # type: ignore[assignment]
        now = timezone.now()
        kept = {name: said.validated_data[name] for name in ("power", "net", "hw", "sec", "sw")}
        state = PeerLiveness.objects.select_for_update().get(terminal=terminal)
        state.last_seen_at, state.said = now, kept
        state.save()
        PeerBeat.objects.create(
            terminal=terminal, at=now, seq=said.validated_data["seq"], said=kept
        )
        return Response({"server_time": now, "next_poll_s": 300})


class TransactionInput(serializers.ModelSerializer[PeerTransaction]):
    """A transaction as the model says it."""

    class Meta:
        model = PeerTransaction
        fields = (
            *("batch_no", "trace_no", "kind", "status", "method", "amount_minor", "currency"),
            *("response_code", "card_type", "entry_mode", "card_bin", "card_last4"),
            *("card_token", "operator_no", "rrn", "occurred_at"),
        )


class TakeIn(views.APIView):
    """Take a transaction in, once."""

    authentication_classes = [DeviceSignature]

    @atomic
    def post(self, request: Request) -> Response:
        """Store it unless its number is known, and add it to the day's total."""
        given = TransactionInput(data=request.data)
        given.is_valid(raise_exception=True)
        terminal: Terminal = request.auth  # type: ignore[assignment]
        values = dict(given.validated_data)
        row, created = PeerTransaction.objects.get_or_create(
            terminal=terminal,
            batch_no=values.pop("batch_no"),
            trace_no=values.pop("trace_no"),
            defaults={
                **values,
                "merchant_id": terminal.merchant_id,
                "received_at": timezone.now(),
            },
        )
        if created:
            total, _new = PeerTotal.objects.get_or_create(
                merchant_id=terminal.merchant_id, business_date=row.occurred_at.date()
            )
            PeerTotal.objects.filter(pk=total.pk).update(
                count=F("count") + 1, amount_minor=F("amount_minor") + row.amount_minor
            )
        return Response({"id": row.pk}, status=201 if created else 200)
