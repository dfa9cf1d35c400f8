"""Merchants taken on, suspended, reinstated and closed; their stores."""

from datetime import datetime

from django.db.transaction import atomic

from merchants.profiles.models import Merchant, MerchantStatus, Store
from merchants.profiles.rules import MOVES
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.lifecycle import insert_new, move


class CodeTaken(Exception):
    """Another merchant, or another store of the merchant, has this code."""


@atomic
def create_merchant(
    *, code: str, name: str, actor: Actor, now: datetime, name_en: str = "", mcc: str = ""
) -> Merchant:
    """Take a merchant on.

    :raises CodeTaken: if the merchant number is in use
    """
    actor.require("merchant.manage")
    merchant = Merchant(code=code, name=name, name_en=name_en, mcc=mcc, created_at=now)
    insert_new(merchant, otherwise=CodeTaken(code))
    record(actor, "merchant.created", merchant, now=now, code=code)
    return merchant


@atomic
def create_store(
    merchant: Merchant, *, code: str, name: str, actor: Actor, now: datetime, address: str = ""
) -> Store:
    """Add a store to a merchant.

    :raises CodeTaken: if the merchant has a store of this code
    """
    actor.require("merchant.manage")
    store = Store(merchant=merchant, code=code, name=name, address=address)
    insert_new(store, otherwise=CodeTaken(code))
    record(actor, "store.created", store, now=now, code=code)
    return store


@atomic
def suspend_merchant(merchant: Merchant, *, because: str, actor: Actor, now: datetime) -> Merchant:
    """Stop a merchant's terminals from taking payments; its people may still look.

    :raises IllegalMove: if the merchant is not active
    :raises LostRace: if somebody else moved it first
    """
    actor.require("merchant.manage")
    move(merchant, MerchantStatus.SUSPENDED, moves=MOVES, suspended_at=now)
    record(actor, "merchant.suspended", merchant, now=now, because=because)
    return merchant


@atomic
def reinstate_merchant(
    merchant: Merchant, *, because: str, actor: Actor, now: datetime
) -> Merchant:
    """Let a suspended merchant take payments again.

    :raises IllegalMove: if the merchant is not suspended
    :raises LostRace: if somebody else moved it first
    """
    actor.require("merchant.manage")
    move(merchant, MerchantStatus.ACTIVE, moves=MOVES, suspended_at=None)
    record(actor, "merchant.reinstated", merchant, now=now, because=because)
    return merchant
