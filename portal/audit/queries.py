"""Questions to the log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils.module_loading import import_string
from psycopg import sql

from portal.audit.models import AuditEntry, AuditEntryQuerySet, Via
from portal.audit.rules.searches import Search
from portal.kit.actor import Actor, ActorKind
from portal.kit.finding import Finding
from portal.kit.paging import COUNT_CAP, PAGE_SIZE, BadCursor, Cursor, Page, cut
from portal.kit.snapshot import Snapshot

SHANGHAI = ZoneInfo("Asia/Shanghai")
# The same person asking the same again within the hour is still the same look.
SAME_LOOK = timedelta(hours=1)
MOST_TOLD = 20
COLUMNS = (
    "at",
    "event",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_label",
    "actor_role",
    "merchant_id",
    "subject_type",
    "subject_id",
    "subject_label",
    "via",
    "ip",
    "request_id",
    "id",
    "details",
)


class MerchantName(Protocol):
    """What the log needs of a merchant, which an app above knows."""

    pk: int
    code: str
    name: str


def list_entries(
    actor: Actor, search: Search, *, cursor: Cursor | None = None, oldest_first: bool = False
) -> Page[AuditEntry]:
    """Return a page of the entries that match, newest first unless asked otherwise.

    :raises BadCursor: if the cursor is not one of this list
    """
    rows = _matching(actor, search)
    backwards = cursor is not None and cursor.backwards
    ascending = oldest_first != backwards
    if cursor is not None:
        at, pk = _keys(cursor)
        side = "gt" if ascending else "lt"
        past = Q(**{f"at__{side}": at}) | Q(at=at, **{f"id__{side}": pk})
        rows = rows.filter(past, **{f"at__{side}e": at})
    order = ("at", "id") if ascending else ("-at", "-id")
    found = list(rows.order_by(*order)[: PAGE_SIZE + 1])
    return cut(found, cursor=cursor, keys=lambda entry: (entry.at.isoformat(), str(entry.pk)))


def _keys(cursor: Cursor) -> tuple[datetime, UUID]:
    try:
        return datetime.fromisoformat(cursor.keys[0]), UUID(cursor.keys[1])
    except (ValueError, IndexError) as foreign:
        raise BadCursor(str(cursor.keys)) from foreign


def count_entries(actor: Actor, search: Search) -> int:
    """Count the entries that match, up to one more than the cap."""
    return _matching(actor, search).order_by()[: COUNT_CAP + 1].count()


def get_entry(actor: Actor, on: date, entry_id: UUID) -> AuditEntry:
    """Return one entry of a day (UTC); the day finds the month's partition.

    :raises AuditEntry.DoesNotExist: if there is none the actor may read
    """
    begins = datetime.combine(on, time.min, tzinfo=UTC)
    rows = AuditEntry.objects.visible_to(actor)
    return rows.get(pk=entry_id, at__gte=begins, at__lt=begins + timedelta(days=1))


def snapshot(actor: Actor, search: Search) -> Snapshot:
    """Open the entries that match, newest first, as they stand at this moment."""
    rows = _matching(actor, search).order_by("-at", "-id")
    return Snapshot(rows.values_list(*COLUMNS))


def was_noted(actor: Actor, words: str, *, now: datetime) -> bool:
    """Say whether the same person made the same search in the same hour before."""
    return AuditEntry.objects.filter(
        event="audit.searched",
        actor_kind=ActorKind.PERSON,
        actor_id=actor.id,
        at__gt=now - SAME_LOOK,
        details__filter=words,
    ).exists()


def find_merchants(actor: Actor, text: str) -> Sequence[MerchantName]:
    """Return the merchants that a number or name may mean."""
    found: Sequence[MerchantName] = import_string(settings.MERCHANT_SEARCH)(actor, text)
    return found


def merchant_names(actor: Actor, entries: Sequence[AuditEntry]) -> dict[int, MerchantName]:
    """Return the merchants that the entries speak of."""
    keys = {entry.merchant_id for entry in entries if entry.merchant_id is not None}
    if not keys:
        return {}
    return {found.pk: found for found in import_string(settings.MERCHANTS_BY_ID)(actor, keys)}


def person_names(entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Return the names behind what row triggers know of people, such as ``PERSON:7``.

    They are read out of the log itself, from the last entry that each person made.
    """
    keys = {entry.actor_label for entry in entries if entry.via == Via.DB}
    found = {}
    for key in keys:
        kind, _colon, number = key.partition(":")
        if kind == ActorKind.PERSON and number.isdecimal():
            own = AuditEntry.objects.filter(actor_kind=kind, actor_id=int(number))
            found[key] = own.order_by("-at").values_list("actor_label", flat=True).first() or key
    return found


def _matching(actor: Actor, search: Search) -> AuditEntryQuerySet:
    rows = AuditEntry.objects.visible_to(actor)
    for condition in _conditions(actor, search):
        rows = rows.filter(condition)
    return rows


def _conditions(actor: Actor, search: Search) -> Iterator[Q]:
    if search.since:
        yield Q(at__gte=datetime.combine(search.since, time.min, tzinfo=SHANGHAI))
    if search.until:
        after = search.until + timedelta(days=1)
        yield Q(at__lt=datetime.combine(after, time.min, tzinfo=SHANGHAI))
    if not search.rows:
        yield ~Q(via=Via.DB)
    yield from _named(search)
    if search.merchant:
        yield Q(merchant_id__in=[found.pk for found in find_merchants(actor, search.merchant)])
    if search.q:
        yield _about(search.q)


def _named(search: Search) -> Iterator[Q]:
    if search.events:
        yield Q(event__in=search.events)
    if search.actor:
        yield Q(actor_label=search.actor)
    if search.subject_type:
        yield Q(subject_type__in=_names_of(search.subject_type))
    if search.subject:
        yield Q(subject_id=search.subject) | Q(subject_label=search.subject)
    if search.outcome:
        yield Q(outcome=search.outcome)
    if search.via:
        yield Q(via__in=search.via)


def _names_of(kind: str) -> list[str]:
    """Return how entries name a kind of subject: by its model, and by its table in row entries."""
    models = apps.get_models()
    return [kind, *(m._meta.db_table for m in models if m._meta.model_name == kind)]


def _about(text: str) -> Q:
    """Match a whole word: a person, a subject, a request or an address."""
    found = Q(actor_label=text) | Q(subject_label=text) | Q(subject_id=text) | Q(request_id=text)
    try:
        return found | Q(ip=str(ip_address(text)))
    except ValueError:
        return found


def compare_rows() -> Finding:
    """Check that each watched row is as its last entry says: a change that left none shows.

    Covers the tables with row triggers that the asking role may read.
    """
    checked, breaches = 0, []
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, encode(t.tgargs, 'escape') from pg_trigger t"
            " join pg_class c on c.oid = t.tgrelid where t.tgname = 'watch_rows'"
            " and has_table_privilege(c.oid, 'select') order by 1"
        )
        for table, arguments in cursor.fetchall():
            hidden = arguments.removesuffix("\\000").strip("{}").split(",")
            cursor.execute(sql.SQL(_COMPARE).format(sql.Identifier(table)), [table, hidden])
            rows = cursor.fetchall()
            checked += sum(count for _key, count in rows)
            breaches += [f"{table} {key}" for key, _count in rows if key is not None]
    return Finding(checked, tuple(breaches[:MOST_TOLD]))


# One row of matches under the key null, then one for each row that differs.
_COMPARE = """
with last as (
  select distinct on (subject_id) subject_id, details -> 'after' as after
    from portal_auditentry
   where subject_type = %s and via = 'DB'
   order by subject_id, at desc, id desc)
select case when to_jsonb(t) @> (last.after - %s::text[]) then null else t.id::text end as key,
       count(*)
  from {} t left join last on last.subject_id = t.id::text
 group by 1
"""
