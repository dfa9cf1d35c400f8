"""The fleet of the list's tests."""

from datetime import date, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from terminals.checkin.models import SignIn
from terminals.fleet.actions import custody, provisioning
from terminals.fleet.models import Terminal
from terminals.presence.models import Link, Liveness
from tests.cast import Cast
from tests.make import FLEET_MAKER, make_register, make_terminal, make_terminals

TODAY = date(2026, 11, 20)


@pytest.fixture
def fleet(cast: Cast, noon: datetime) -> dict[str, Terminal]:
    """Four terminals of Noodle House, one of Tea House, one in stock."""
    noodle, store = cast.noodle, cast.noodle_store
    make = partial(make_terminal, merchant=noodle, store=store, now=noon)
    waiting = make_terminals(["N9A000004"], merchant=noodle, store=store, now=noon)
    made = {
        "online": make("N9A000001"),
        "offline": make("N9A000002"),
        "suspended": make("N9A000003"),
        "waiting": waiting[0],
        "tea": make_terminal("T7B000001", merchant=cast.tea, store=cast.tea_store, now=noon),
    }
    make_register(["S1C000001"], now=noon, maker="Landi", model="E350")
    made["stock"] = provisioning.register_into_stock(["S1C000001"], actor=FLEET_MAKER, now=noon)[0]
    custody.suspend(made["suspended"], reason="RISK", because="x", actor=FLEET_MAKER, now=noon)
    for name, link in (
        ("online", Link.ONLINE),
        ("offline", Link.OFFLINE),
        ("suspended", Link.LATE),
        ("tea", Link.MISSING),
    ):
        _heard(made[name], link=link, now=noon)
    _signed_in(made["online"], now=noon, code="OK")
    _signed_in(made["offline"], now=noon - timedelta(days=1), code="OK")
    _signed_in(made["suspended"], now=noon, code="TERMINAL_SUSPENDED")
    return made


def _heard(terminal: Terminal, *, link: Link, now: datetime) -> None:
    said = {"power": {"source": "battery", "battery_pct": 55}, "net": {"type": "wifi"}}
    Liveness.objects.create(
        terminal=terminal,
        merchant_id=terminal.merchant_id,
        link=link,
        last_seen_at=now,
        said=said,
    )


def _signed_in(terminal: Terminal, *, now: datetime, code: str) -> None:
    good = code == "OK"
    SignIn.objects.create(
        terminal=terminal,
        merchant_id=terminal.merchant_id or 0,
        signin_id=uuid4().hex,
        body_sha256="0" * 64,
        business_date=timezone.localdate(now),
        at=now,
        operator_no="01",
        code=code,
        session_id=uuid4() if good else None,
        batch_no=1 if good else None,
        expires_at=now if good else None,
    )
