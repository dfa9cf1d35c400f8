"""Questions that join what a terminal is, how lately it was heard and whether it signed in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.query import QuerySet

from merchants.profiles.models import Merchant, Store
from merchants.profiles.rules import called
from portal.audit.events import EVENTS
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor
from portal.kit.paging import PAGE_SIZE, BadCursor, Cursor, Page, cut
from terminals.board.rules import DAYS, STRIP, Change, Said, Try, read_said
from terminals.checkin.models import SignIn
from terminals.fleet.models import Terminal, TerminalStatus
from terminals.presence.models import Link, LinkEvent, Liveness

HISTORY_SHOWN = 50
MODELS_OFFERED = 60
STORES_OFFERED = 200
# From one model to the next along the index, instead of reading the whole fleet for them.
MODELS = """
with recursive found as (
  (select maker, model from terminals_terminal order by maker, model limit 1)
  union all
  select t.maker, t.model from found f cross join lateral (
    select maker, model from terminals_terminal
     where (maker, model) > (f.maker, f.model) order by maker, model limit 1) t
)
select maker, model from found limit %s
"""
# Who has not signed in is what is left of the active: few or many, it is read along indexes.
TABS = """
with standing as (
  select t.status, count(*) as n from terminals_terminal t where {mine} group by t.status
), present as (
  select count(*) as n from terminals_terminal t
   where t.status = 'ACTIVE' and {mine}
     and exists (select from terminals_signin s where s.terminal_id = t.id
                  and s.business_date = %(today)s and s.code = 'OK')
), silent as (
  select count(*) as n from terminals_liveness l
   where l.link in ('OFFLINE', 'MISSING') and {its}
)
select coalesce(sum(n), 0)::int,
       coalesce(sum(n) filter (where status = 'ACTIVE'), 0)::int
         - (select n from present)::int,
       (select n from silent)::int,
       coalesce(sum(n) filter (where status = 'SUSPENDED'), 0)::int,
       coalesce(sum(n) filter (where status in ('ALLOCATED', 'ENROLLED')), 0)::int
  from standing
"""
OF_ALL = {"mine": "true", "its": "true"}
OF_ONE = {
    "mine": "t.merchant_id = %(merchant)s",
    "its": "exists (select from terminals_terminal t"
    " where t.id = l.terminal_id and t.merchant_id = %(merchant)s)",
}
PLACE = {event: place for place, event in enumerate(EVENTS)}
HEARD = (
    "liveness__link",
    "liveness__last_seen_at",
    "liveness__said",
)
SHOWN = (
    "serial",
    "terminal_no",
    "maker",
    "model",
    "status",
    "merchant__name",
    "merchant__name_en",
    "store__name",
    *HEARD,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which terminals a list shows; what is empty does not narrow it."""

    q: str = ""
    status: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    signed_in: str = ""
    merchant: str = ""
    store: int | None = None
    model: tuple[tuple[str, str], ...] = ()

    @property
    def anything(self) -> bool:
        """Say whether the list is narrowed at all."""
        return self != Wanted()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the fleet list."""

    serial: str
    terminal_no: str
    maker: str
    model: str
    status: TerminalStatus
    merchant: str
    store: str
    link: Link
    last_seen_at: datetime | None
    last_sign_in_at: datetime | None
    last_sign_in_code: str
    said: Said


@dataclass(frozen=True, slots=True)
class TabCounts:
    """How many terminals each built-in view of the fleet holds."""

    all: int = 0
    not_signed_in: int = 0
    offline: int = 0
    suspended: int = 0
    to_activate: int = 0


def list_terminals(
    actor: Actor,
    wanted: Wanted,
    *,
    today: date,
    language: str,
    cursor: Cursor | None = None,
    descending: bool = False,
) -> Page[Row]:
    """Return a page of the fleet in order of serial.

    :raises BadCursor: if the cursor is not of this list
    """
    rows = _narrowed(actor, wanted, today=today)
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        if len(cursor.keys) != 1:
            raise BadCursor(str(cursor.keys))
        after = descending == backwards
        rows = rows.filter(**{"serial__gt" if after else "serial__lt": cursor.keys[0]})
    latest = SignIn.objects.filter(terminal=OuterRef("pk")).order_by("-at")
    rows = rows.annotate(
        signed_at=Subquery(latest.values("at")[:1]),
        signed_code=Subquery(latest.values("code")[:1]),
    )
    ordered = rows.order_by("serial" if descending == backwards else "-serial")
    found = ordered.values(*SHOWN, "signed_at", "signed_code")[: PAGE_SIZE + 1]
    read = [_row(values, language) for values in found]
    return cut(read, cursor=cursor, keys=lambda row: (row.serial,))


def count_by_link(actor: Actor, wanted: Wanted, *, today: date) -> dict[Link, int]:
    """Count the terminals of a list by how lately they were heard."""
    rows = _narrowed(actor, wanted, today=today)
    amiss = rows.filter(liveness__link__in=[link for link in Link if link != Link.ONLINE])
    counted = dict(amiss.values_list("liveness__link").annotate(n=Count("pk")))
    counts = {link: counted.get(link, 0) for link in Link}
    # Activation begins the conversation, so who was never activated was never heard. The
    # many that are online are what is left: counting them one by one reads the whole table.
    counts[Link.NEVER] += rows.filter(activated_at=None, liveness=None).count()
    counts[Link.ONLINE] = rows.count() - sum(counts.values())
    return counts


def count_tabs(actor: Actor, *, today: date) -> TabCounts:
    """Count what each built-in view of the fleet holds for an actor, in one statement."""
    if not actor.may("terminal.read"):
        return TabCounts()
    sql = TABS.format(**(OF_ALL if actor.merchant_id is None else OF_ONE))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"today": today, "merchant": actor.merchant_id})
        return TabCounts(*cursor.fetchall()[0])


def _row(values: dict[str, object], language: str) -> Row:
    link = values["liveness__link"]
    name, name_en = str(values["merchant__name"] or ""), str(values["merchant__name_en"] or "")
    return Row(
        serial=str(values["serial"]),
        terminal_no=str(values["terminal_no"]),
        maker=str(values["maker"]),
        model=str(values["model"]),
        status=TerminalStatus(str(values["status"])),
        merchant=called(name, name_en, language=language),
        store=str(values["store__name"] or ""),
        link=Link(str(link)) if link else Link.NEVER,
        last_seen_at=_moment(values["liveness__last_seen_at"]),
        last_sign_in_at=_moment(values["signed_at"]),
        last_sign_in_code=str(values["signed_code"] or ""),
        said=_said(values["liveness__said"]),
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _said(value: object) -> Said:
    return read_said(value) if isinstance(value, dict) else Said()


def _narrowed(actor: Actor, wanted: Wanted, *, today: date) -> "QuerySet[Terminal]":
    rows: QuerySet[Terminal] = Terminal.objects.visible_to(actor)
    if wanted.q:
        rows = rows.filter(Q(serial__startswith=wanted.q) | Q(terminal_no__startswith=wanted.q))
    if wanted.status:
        rows = rows.filter(status__in=wanted.status)
    if wanted.merchant:
        rows = rows.filter(merchant__in=_merchants(actor, wanted.merchant))
    if wanted.store:
        rows = rows.filter(store=wanted.store)
    if wanted.model:
        either = Q()
        for maker, model in wanted.model:
            either |= Q(maker=maker, model=model)
        rows = rows.filter(either)
    return _heard(rows, wanted, today=today)


def _heard(rows: "QuerySet[Terminal]", wanted: Wanted, *, today: date) -> "QuerySet[Terminal]":
    if wanted.link:
        linked = Q(liveness__link__in=wanted.link)
        if Link.NEVER in wanted.link:
            linked |= Q(liveness=None)
        rows = rows.filter(linked)
    if wanted.signed_in:
        done = Exists(
            SignIn.objects.filter(terminal=OuterRef("pk"), business_date=today, code="OK")
        )
        rows = rows.filter(done if wanted.signed_in == "yes" else ~done)
    return rows


def _merchants(actor: Actor, text: str) -> "QuerySet[Merchant]":
    named = Q(code__istartswith=text) | Q(name__icontains=text) | Q(name_en__icontains=text)
    return Merchant.objects.visible_to(actor).filter(named)


def list_models(actor: Actor) -> list[tuple[str, str]]:
    """Return the makers and models of the terminals that the actor may see."""
    if actor.merchant_id is None and actor.may("terminal.read"):
        with connection.cursor() as cursor:
            cursor.execute(MODELS, [MODELS_OFFERED])
            return [(maker, model) for maker, model in cursor.fetchall()]
    rows = Terminal.objects.visible_to(actor).order_by("maker", "model")
    return list(rows.values_list("maker", "model").distinct()[:MODELS_OFFERED])


def list_stores(actor: Actor) -> list[tuple[int, str]]:
    """Return the stores of the actor's own merchant, none for our own people."""
    if actor.merchant_id is None:
        return []
    rows = Store.objects.visible_to(actor).order_by("code")
    return list(rows.values_list("pk", "name")[:STORES_OFFERED])


def find_liveness(actor: Actor, terminal: Terminal) -> Liveness | None:
    """Return when and how a terminal was last heard, if ever."""
    return Liveness.objects.visible_to(actor).filter(terminal=terminal).first()


def list_changes(actor: Actor, terminal: Terminal, *, until: datetime) -> list[Change]:
    """Return the changes of a terminal's link within the last 24 hours, oldest first."""
    rows = LinkEvent.objects.filter(
        terminal=terminal, occurred_at__gt=until - STRIP, occurred_at__lte=until
    )
    if actor.merchant_id is not None:
        rows = rows.filter(merchant_id=actor.merchant_id)
    found = rows.order_by("epoch").values_list("occurred_at", "old_link", "new_link")
    return [Change(*values) for values in found]


def list_tries(actor: Actor, terminal: Terminal, *, today: date) -> list[Try]:
    """Return the tries of a terminal to sign in for the last 30 business days, newest first."""
    rows = SignIn.objects.visible_to(actor).filter(
        terminal=terminal, business_date__gt=today - timedelta(days=DAYS)
    )
    found = rows.order_by("-at").values_list("business_date", "at", "code")
    return [Try(*values) for values in found]


def list_history(actor: Actor, terminal: Terminal) -> Sequence[AuditEntry]:
    """Return what was done to a terminal, newest first, for our own people.

    Whoever of them may see the terminal may see its history; the log as a whole is another
    permission.
    """
    if actor.merchant_id is not None or not actor.may("terminal.read"):
        return []
    rows = AuditEntry.objects.filter(subject_type="terminal", subject_id=str(terminal.pk))
    found = rows.order_by("-at", "-id")[:HISTORY_SHOWN]
    # What one act wrote at one moment is told in the order of a terminal's life.
    return sorted(found, key=lambda entry: (entry.at, PLACE.get(entry.event, 0)), reverse=True)
