"""Which database role and tenant a transaction runs under.

The application logs in as a role that owns nothing and may do nothing. Each transaction
first takes one of the roles below with ``SET LOCAL``, so nothing is left on the
connection; code that forgets to say who it is sees no table at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import connection
from psycopg.pq import TransactionStatus

from portal.kit.actor import Actor, ActorKind


class DatabaseRole(StrEnum):
    """The roles that migrations create; the names are the database's."""

    GATE = "pos_gate"
    MERCHANT = "pos_merchant"
    STAFF = "pos_staff"
    DEVICE = "pos_device"
    WORKER = "pos_worker"
    SEALER = "pos_sealer"


@dataclass(frozen=True, slots=True)
class Scope:
    """A database role, the one merchant it may see, and the actor for row triggers."""

    role: DatabaseRole
    merchant_id: int | None = None
    actor: str = ""


GATE = Scope(DatabaseRole.GATE)
WORKER = Scope(DatabaseRole.WORKER, actor="SYSTEM")
DEVICE = Scope(DatabaseRole.DEVICE)

_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    """Return the scope that the next transaction will begin under."""
    return _scope.get()


def scope_of(actor: Actor) -> Scope:
    """Return the scope an actor's own requests run under."""
    if actor.kind is ActorKind.SYSTEM:
        return WORKER
    if actor.kind is ActorKind.TERMINAL:
        return Scope(DatabaseRole.DEVICE, actor.merchant_id, actor.key)
    if actor.kind is ActorKind.ANONYMOUS:
        return GATE
    if actor.merchant_id is not None:
        return Scope(DatabaseRole.MERCHANT, actor.merchant_id, actor.key)
    return Scope(DatabaseRole.STAFF, None, actor.key)


def statement(scope: Scope | None) -> str:
    """Return the SQL that puts a transaction under a scope (one round trip)."""
    if scope is None:
        return "SET LOCAL ROLE NONE; SET LOCAL app.merchant = ''; SET LOCAL app.actor = ''"
    merchant = "" if scope.merchant_id is None else str(int(scope.merchant_id))
    actor = "".join(c for c in scope.actor if c.isalnum() or c in ":-_.")
    return (
        f"SET LOCAL ROLE {scope.role.value}; SET LOCAL app.merchant = '{merchant}';"
        f" SET LOCAL app.actor = '{actor}'"
    )


@contextmanager
def acting_as(scope: Scope | None) -> Iterator[None]:
    """Run the block under a scope, also in the middle of an open transaction."""
    before = _scope.get()
    if scope == before and scope is not None:  # as every transaction of ours already says
        yield
        return
    token = _scope.set(scope)
    _declare(scope)
    try:
        yield
    finally:
        _scope.reset(token)
        _declare(before)


@contextmanager
def through_gate() -> Iterator[None]:
    """Run the block as the role that alone may read and write identities."""
    now = _scope.get()
    with acting_as(replace(now, role=DatabaseRole.GATE) if now else GATE):
        yield


def _declare(scope: Scope | None) -> None:
    """Tell an open, healthy transaction; a failed one is restored by its rollback."""
    if not connection.in_atomic_block or connection.connection is None:
        return
    raw = connection.connection
    if raw.info.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        raw.execute(statement(scope))
