"""Merchants taken on, suspended and reinstated."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import pytest

from merchants.profiles import actions
from merchants.profiles.models import Merchant, Store
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from portal.kit.lifecycle import IllegalMove
from tests.cast import Cast

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def said(event: str) -> list[tuple[str, str, dict[str, object]]]:
    rows = AuditEntry.objects.filter(event=event).order_by("at")
    return [(row.actor_label, row.subject_label, row.details) for row in rows]


def test_an_operator_takes_a_merchant_on_with_a_store(olga: Actor, noon: datetime) -> None:
    merchant = actions.create_merchant(code="M1000000009", name="书店", actor=olga, now=noon)
    store = actions.create_store(merchant, code="S1", name="总店", actor=olga, now=noon)

    assert (merchant.status, store.merchant_id) == ("ACTIVE", merchant.pk)
    assert said("merchant.created") == [("olga", "M1000000009", {"code": "M1000000009"})]
    assert said("store.created") == [("olga", "总店", {"code": "S1"})]


def test_a_number_belongs_to_one_merchant(cast: Cast, olga: Actor, noon: datetime) -> None:
    with pytest.raises(actions.CodeTaken):
        actions.create_merchant(code=cast.noodle.code, name="x", actor=olga, now=noon)
    with pytest.raises(actions.CodeTaken):
        actions.create_store(cast.noodle, code="S1", name="x", actor=olga, now=noon)

    assert (Merchant.objects.count(), Store.objects.count()) == (2, 2)


def test_a_merchant_is_suspended_and_reinstated(cast: Cast, olga: Actor, noon: datetime) -> None:
    noodle = cast.noodle
    actions.suspend_merchant(noodle, because="chargebacks", actor=olga, now=noon)
    assert (noodle.status, noodle.suspended_at) == ("SUSPENDED", noon)

    actions.reinstate_merchant(noodle, because="cleared", actor=olga, now=noon)

    assert (noodle.status, noodle.suspended_at) == ("ACTIVE", None)
    assert said("merchant.suspended") == [("olga", noodle.code, {"because": "chargebacks"})]
    assert said("merchant.reinstated") == [("olga", noodle.code, {"because": "cleared"})]


def test_an_active_merchant_cannot_be_reinstated(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Callable[..., AbstractContextManager[None]]
) -> None:
    with pytest.raises(IllegalMove), unchanged(cast.noodle):
        actions.reinstate_merchant(cast.noodle, because="x", actor=olga, now=noon)


@pytest.mark.parametrize("who", ["lin", "max", "mei", "fay", "wu", "carol", "ada", "ron"])
def test_nobody_but_an_operator_may(
    cast: Cast,
    who: str,
    noon: datetime,
    unchanged: Callable[..., AbstractContextManager[None]],
) -> None:
    actor = cast.actor(who)

    with pytest.raises(MissingPermission), unchanged(cast.noodle):
        actions.suspend_merchant(cast.noodle, because="x", actor=actor, now=noon)
    with pytest.raises(MissingPermission), unchanged(cast.noodle):
        actions.create_merchant(code="M1", name="x", actor=actor, now=noon)
    with pytest.raises(MissingPermission), unchanged(cast.noodle):
        actions.create_store(cast.noodle, code="S9", name="x", actor=actor, now=noon)
