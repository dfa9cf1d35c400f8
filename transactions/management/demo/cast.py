"""Making the demo: shops, people, terminals and a month of sales, all by the real actions."""

import csv
import io
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db.transaction import atomic

from merchants.profiles.actions import create_merchant, create_store, suspend_merchant
from merchants.profiles.models import Merchant, Store
from merchants.staff.actions import add_member, create_terminal_operator
from portal.accounts.actions.factors import hand_over_authenticator
from portal.accounts.actions.people import create_person
from portal.accounts.models import User
from portal.kit.actor import Actor, ActorKind
from portal.kit.command import system
from portal.kit.scope import WORKER, acting_as
from terminals.authentication.signature import write_public_key
from terminals.checkin.actions.exchange import new_challenge
from terminals.fleet.actions import enrolment, provisioning, registry
from terminals.fleet.models import Terminal
from terminals.presence import actions as presence
from terminals.presence.rules import ON_MAINS
from transactions.intake.actions.history import Rejection, import_history
from transactions.management.demo.plan import (
    COLUMNS,
    MAKER,
    MODEL,
    PEOPLE,
    SHOPS,
    SUSPENDED,
    Shop,
    month,
    serials,
)

WORKSPACE = "seed"
AT_ONCE = 500
MAKER_OF_DEMO = system(
    "seed_demo",
    "person.manage",
    "merchant.manage",
    "merchant.read",
    "registry.import",
    "registry.read",
    "terminal.read",
    "terminal.provision",
    "history.import",
)


class Refused(RuntimeError):
    """A line of the demo's own sales was refused: the plan and the import disagree."""


def make_demo(*, scale: str, base_url: str, now: datetime) -> dict[str, Any]:
    """Make everything in a few transactions and return what a visitor needs to know."""
    shops = SHOPS[scale]
    merchants: dict[str, Merchant] = {}
    operators: dict[str, tuple[str, str]] = {}
    with atomic():
        for shop in shops:
            merchants[shop.code], operators[shop.code] = _make_shop(shop, now=now)
        users = [_make_person(name, merchants, now=now) for name in PEOPLE]
        _register([serial for shop in shops for serial in serials(shop)], now=now)
        terminals = [
            terminal
            for shop in shops
            for terminal in _make_terminals(shop, merchants[shop.code], now=now)
        ]
    _import(shops, now=now)
    with atomic():
        suspend_merchant(
            merchants[SUSPENDED], because="demo: fees in arrears", actor=MAKER_OF_DEMO, now=now
        )
    for terminal in terminals:
        number, password = operators[terminal["merchant"]]
        terminal |= {"operator_no": number, "operator_password": password}
    return {
        "base_url": base_url,
        "users": users,
        "merchants": [{"code": shop.code, "name": shop.name} for shop in shops],
        "terminals": terminals,
        "api_keys": [],
    }


def new_password() -> str:
    """Draw a password that a person can type: four groups of letters and digits."""
    letters = "abcdefghjkmnpqrstuvwxyz"
    groups = ["".join(secrets.choice(letters) for _ in range(4)) for _ in range(3)]
    return "-".join([*groups, f"{secrets.randbelow(10_000):04d}"])


def _make_shop(shop: Shop, *, now: datetime) -> tuple[Merchant, tuple[str, str]]:
    merchant = create_merchant(
        code=shop.code,
        name=shop.name,
        name_en=shop.name_en,
        mcc=shop.mcc,
        actor=MAKER_OF_DEMO,
        now=now,
    )
    for place, name in enumerate(shop.stores, 1):
        create_store(merchant, code=f"S{place}", name=name, actor=MAKER_OF_DEMO, now=now)
    password = f"{secrets.randbelow(90_000_000) + 10_000_000}"
    create_terminal_operator(
        merchant, number="21", name="值班", password=password, actor=MAKER_OF_DEMO, now=now
    )
    return merchant, ("21", password)


def _make_person(
    username: str, merchants: dict[str, Merchant], *, now: datetime
) -> dict[str, str]:
    role, name, code = PEOPLE[username]
    password = new_password()
    user: User = create_person(
        username=username,
        display_name=name,
        password=password,
        role="" if code else role,
        actor=MAKER_OF_DEMO,
        now=now,
    )
    if code:
        add_member(user, merchants[code], role=role, actor=MAKER_OF_DEMO, now=now)
    seed = hand_over_authenticator(user, actor=MAKER_OF_DEMO, now=now)
    return {
        "role": role.value,
        "username": username,
        "password": password,
        "totp_secret": seed,
        "merchant": code,
    }


def _register(wanted: list[str], *, now: datetime) -> None:
    content = "\r\n".join(["maker,model,serial", *(f"{MAKER},{MODEL},{s}" for s in wanted)])
    handed = registry.hand_in(
        actor=MAKER_OF_DEMO,
        file_name="demo.csv",
        content=content.encode(),
        maker="",
        now=now,
    )
    registry.take_in(handed, actor=MAKER_OF_DEMO, now=now)


def _make_terminals(shop: Shop, merchant: Merchant, *, now: datetime) -> Iterator[dict[str, str]]:
    stores = list(Store.objects.filter(merchant=merchant).order_by("pk"))
    named = serials(shop)
    for place, store in enumerate(stores):
        share = named[place * shop.terminals : (place + 1) * shop.terminals]
        for start in range(0, len(share), AT_ONCE):
            for done in provisioning.provision(
                share[start : start + AT_ONCE],
                merchant=merchant,
                store=store,
                actor=MAKER_OF_DEMO,
                now=now,
            ):
                yield _enrol(done, now=now)


def _enrol(done: provisioning.Provisioned, *, now: datetime) -> dict[str, str]:
    """Enrol a key as the terminal would; the demo's file alone keeps the private half."""
    terminal = Terminal.objects.select_related("merchant").get(serial=done.serial)
    key = Ed25519PrivateKey.generate()
    device = Actor(
        kind=ActorKind.TERMINAL,
        id=terminal.pk,
        label=terminal.serial,
        permissions=frozenset({"device.enrol"}),
        merchant_id=terminal.merchant_id,
        via="COMMAND",
    )
    with acting_as(WORKER):
        presented = enrolment.present_code(terminal, done.code, now=now)
        if presented.code is None:
            raise Refused(done.serial)
        made = enrolment.enrol(
            terminal,
            presented.code,
            public_key=write_public_key(key.public_key().public_bytes_raw()),
            actor=device,
            now=now,
        )
        challenge = new_challenge()
        presence.arm(terminal, challenge=challenge, message_id="", rhythm=ON_MAINS, now=now)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "serial": terminal.serial,
        "terminal_no": terminal.terminal_no,
        "key_id": made.key_id,
        "private_key_pem": pem.decode(),
        "challenge": challenge,
        "merchant": terminal.merchant.code if terminal.merchant else "",
    }


def _import(shops: tuple[Shop, ...], *, now: datetime) -> None:
    def lines() -> Iterator[str]:
        yield _csv(COLUMNS)
        for shop in shops:
            for line in month(shop, until=now):
                yield _csv(line)

    def reject(rejection: Rejection) -> None:
        raise Refused(f"line {rejection.line}: {rejection.field} {rejection.why}")

    import_history(
        actor=MAKER_OF_DEMO,
        workspace=WORKSPACE,
        transactions=lines(),
        labels=None,
        create_missing=False,
        now=now,
        reject=reject,
    )


def _csv(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
