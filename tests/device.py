"""Terminals for tests: the simulator's own device, speaking through Django's test client."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone

from merchants.profiles.models import Merchant, Store
from merchants.staff.models import TerminalOperator
from portal.audit.models import AuditEntry
from portal.kit.scope import WORKER, acting_as
from terminals.fleet.actions import provisioning
from terminals.fleet.actions.provisioning import Provisioned
from terminals.management.simulator.device import Device, Reply, Request
from tests.make import FLEET_MAKER, make_register

ORIGIN = "http://testserver"
OPERATOR_NO, PASSWORD = "21", "tea-and-noodles-7"
LANGUAGES = {"en": "en", "zh": "zh-Hans"}


def send(request: Request, *, language: str = "en", **extra: str) -> Reply:
    """Knock at a door of the portal in this process."""
    headers = {**request.headers, "Accept-Language": LANGUAGES[language], **extra}
    kind = headers.pop("Content-Type")
    response = Client().post(request.path, data=request.body, content_type=kind, headers=headers)
    return Reply(response.status_code, json.loads(response.content))


def provision(
    serials: Sequence[str], *, merchant: Merchant, store: Store
) -> list[tuple[Device, Provisioned]]:
    """Give terminals to a store; each waits with its code."""
    now = timezone.now()
    with atomic():
        make_register(serials, now=now)
        given = provisioning.provision(
            serials, merchant=merchant, store=store, actor=FLEET_MAKER, now=now
        )
    return [(make_device(row.serial), row) for row in given]


def make_device(serial: str, seed: str = "", *, origin: str = ORIGIN) -> Device:
    """Make a device of our own; ``seed`` gives it another key."""
    return Device(serial, origin=origin, clock=timezone.now, seed=f"test {serial} {seed}")


def activate(serial: str, *, merchant: Merchant, store: Store) -> Device:
    """Make a terminal that has enrolled its key."""
    ((device, given),) = provision([serial], merchant=merchant, store=store)
    reply = send(device.activation(given.code))
    assert reply.status == 201, reply.body
    device.learn_activation(reply)
    return device


def make_operator(merchant: Merchant, number: str = OPERATOR_NO) -> TerminalOperator:
    """Make somebody who may sign in at the merchant's terminals."""
    with atomic():
        operator, _made = TerminalOperator.objects.get_or_create(
            merchant=merchant,
            number=number,
            defaults={
                "name": "Xiao Chen",
                "password": make_password(PASSWORD),
                "created_at": timezone.now(),
            },
        )
    return operator


def signed_in(serial: str, *, merchant: Merchant, store: Store) -> Device:
    """Make a terminal that has signed in for today."""
    device = activate(serial, merchant=merchant, store=store)
    make_operator(merchant)
    reply = send(device.sign_in(OPERATOR_NO, PASSWORD))
    assert reply.status == 200, reply.body
    device.learn_sign_in(reply)
    return device


def refusals() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the audit entries of refusals, oldest first: event, actor, details."""
    with acting_as(WORKER), atomic():
        entries = AuditEntry.objects.filter(outcome="REFUSED").order_by("at", "id")
        return [(entry.event, entry.actor_kind, entry.details) for entry in entries]
