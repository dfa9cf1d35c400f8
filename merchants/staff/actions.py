"""Who works for a merchant: given a place, given another role; operators of its terminals."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db.transaction import atomic

from merchants.profiles.models import Merchant
from merchants.staff.models import Membership, TerminalOperator
from portal.accounts.actions import sessions
from portal.accounts.models import Role, User
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.lifecycle import insert_new


class HasAPlace(Exception):
    """The person belongs to a merchant already; nobody sits in two."""


class NumberTaken(Exception):
    """The merchant has a terminal operator of this number."""


@atomic
def add_member(
    user: User, merchant: Merchant, *, role: Role, actor: Actor, now: datetime
) -> Membership:
    """Give a person a place in a merchant.

    :raises HasAPlace: if the person has one, here or elsewhere
    """
    actor.require("person.manage")
    member = Membership(user=user, merchant=merchant, role=role, created_at=now)
    insert_new(member, otherwise=HasAPlace(user.username))
    record(actor, "membership.created", member, now=now, role=role)
    return member


@atomic
def change_member_role(member: Membership, *, role: Role, actor: Actor, now: datetime) -> None:
    """Give a person another role in the merchant; every session of theirs ends."""
    actor.require("person.manage")
    Membership.objects.filter(pk=member.pk).update(role=role)
    member.role = role
    record(actor, "membership.changed", member, now=now, role=role)
    sessions.end_all(member.user_id, because=sessions.ROLE_CHANGED, actor=actor, now=now)


@atomic
def create_terminal_operator(
    merchant: Merchant, *, number: str, name: str, password: str, actor: Actor, now: datetime
) -> TerminalOperator:
    """Let somebody sign in at the merchant's terminals with a number and a password.

    :raises NumberTaken: if the number is in use at this merchant
    """
    actor.require("merchant.manage")
    operator = TerminalOperator(
        merchant=merchant,
        number=number,
        name=name,
        password=make_password(password),
        created_at=now,
    )
    insert_new(operator, otherwise=NumberTaken(number))
    record(actor, "terminal_operator.created", operator, now=now, number=number)
    return operator
