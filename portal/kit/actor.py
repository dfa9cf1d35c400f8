"""Who is acting: a person, a terminal or the system, with what it may do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.core.exceptions import PermissionDenied


class ActorKind(StrEnum):
    """What sort of actor stands behind an action."""

    PERSON = "PERSON"
    TERMINAL = "TERMINAL"
    SYSTEM = "SYSTEM"
    ANONYMOUS = "ANONYMOUS"


class MissingPermission(PermissionDenied):
    """The actor's role does not hold the permission named."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


class ProofNeeded(PermissionDenied):
    """The actor holds the permission, but must prove itself again to use it."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


@dataclass(frozen=True, slots=True)
class Actor:
    """One frozen value that every query and action receives first.

    ``permissions`` are usable now; ``provable`` are held but wait for a step-up.
    ``merchant_id`` is set exactly when the actor belongs to one merchant.
    """

    kind: ActorKind
    label: str
    id: int | None = None
    role: str = ""
    permissions: frozenset[str] = frozenset()
    provable: frozenset[str] = frozenset()
    merchant_id: int | None = None
    session_id: UUID | None = None
    request_id: str = ""
    ip: str = ""
    via: str = "WEB"

    def may(self, permission: str) -> bool:
        """Say whether the actor holds the permission, proven or not."""
        return permission in self.permissions or permission in self.provable

    def require(self, permission: str) -> None:
        """Let the actor pass, or raise.

        :raises ProofNeeded: if the permission waits for a step-up
        :raises MissingPermission: if the role does not hold it
        """
        if permission in self.permissions:
            return
        if permission in self.provable:
            raise ProofNeeded(permission)
        raise MissingPermission(permission)

    @property
    def key(self) -> str:
        """The actor in one short word, for the database's row triggers."""
        return f"{self.kind}:{self.id}" if self.id is not None else str(self.kind)


ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS, label="anonymous")
