"""What a person likes: language, light, keys, columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal.accounts.actor import person_id
from portal.accounts.models import ListPreference, User
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.scope import through_gate

CHOICES = ("language", "theme", "single_keys")
LONGEST_COLUMN, MOST_COLUMNS = 32, 40


def choose(
    user: User, wanted: Mapping[str, str | bool], *, actor: Actor, now: datetime
) -> list[str]:
    """Change any of language, theme and single_keys; return which ones changed."""
    actor.require("account.own")
    changed = {
        name: value
        for name, value in wanted.items()
        if name in CHOICES and getattr(user, name) != value
    }
    if not changed:
        return []
    with through_gate():
        User.objects.filter(pk=user.pk).update(**changed)
    for name, value in changed.items():
        setattr(user, name, value)
    record(actor, "user.preferences_changed", user, now=now, changed=sorted(changed))
    return sorted(changed)


def arrange_list(
    list_name: str, *, columns: list[str], compact: bool, actor: Actor, now: datetime
) -> None:
    """Keep the columns and density of one list for the actor."""
    owner = person_id(actor)
    values: dict[str, Any] = {
        "columns": [column[:LONGEST_COLUMN] for column in columns[:MOST_COLUMNS]],
        "compact": compact,
    }
    with through_gate():
        ListPreference.objects.update_or_create(
            user_id=owner, list_name=list_name, defaults=values
        )
    record(actor, "user.preferences_changed", "list", now=now, changed=[list_name])
