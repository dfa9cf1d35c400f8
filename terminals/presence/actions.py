"""Hearing terminals, and noticing which fell silent."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.transaction import atomic
from psycopg.types.json import Jsonb

from portal.audit.actions import record_each
from portal.kit.actor import Actor, ActorKind
from portal.kit.hot import run
from terminals.fleet.models import Terminal
from terminals.presence.rules import (
    ENOUGH_TO_JUDGE_BY,
    MISSING_AFTER,
    OUR_SILENCE,
    Rhythm,
)

SWEEPER = Actor(kind=ActorKind.SYSTEM, label="presence sweep", via="TASK")
BATCH = 5000

# The link changes, with its event, only when it was not online; else no indexed column does.
# The watermark moves every five seconds for all terminals together, and nobody waits for it.
HEARD = """
with mark as (
  update terminals_ingestwatermark w set last_any_at = %(now)s
   where w.id in (select id from terminals_ingestwatermark
                   where last_any_at is null or last_any_at < %(now)s - interval '5 seconds'
                   for update skip locked)
), was as (
  select terminal_id, merchant_id, link, epoch from terminals_liveness
   where terminal_id = %(terminal)s for update
), heard as (
  update terminals_liveness l
     set last_seen_at = greatest(l.last_seen_at, %(now)s),
         link = 'ONLINE',
         epoch = l.epoch + (was.link <> 'ONLINE')::int,
         check_at = case when was.link = 'ONLINE' then l.check_at
                         else %(now)s + make_interval(secs => l.interval_seconds) end
         {changes}
    from was where l.terminal_id = was.terminal_id
  returning l.terminal_id, l.merchant_id, l.epoch, was.link as old_link
)
insert into terminals_linkevent
  (terminal_id, merchant_id, epoch, old_link, new_link, occurred_at, cause)
select terminal_id, merchant_id, epoch, old_link, 'ONLINE', %(now)s, %(cause)s
  from heard where old_link <> 'ONLINE'
"""
ACTIVITY = HEARD.format(changes="")
BEAT = HEARD.format(
    changes=""", interval_seconds = %(interval)s, grace_seconds = %(grace)s,
         seq = %(seq)s, previous_challenge = l.challenge, challenge = %(challenge)s,
         message_id = %(message)s, boot_count = %(boot)s, uptime_seconds = %(uptime)s,
         clock_skew_ms = %(skew)s, last_reply = %(reply)s, said = %(said)s"""
)

LOCK = """
select link, seq, challenge, previous_challenge, message_id, boot_count, uptime_seconds,
       last_reply
  from terminals_liveness where terminal_id = %s for update
"""

ARM = """
insert into terminals_liveness
  (terminal_id, merchant_id, link, epoch, interval_seconds, grace_seconds, last_seen_at,
   check_at, seq, challenge, previous_challenge, message_id, boot_count, uptime_seconds,
   last_reply, clock_skew_ms, said)
values (%(terminal)s, %(merchant)s, 'NEVER', 0, %(interval)s, %(grace)s, null,
        null, 0, %(challenge)s, '', %(message)s, 0, 0, '{}', 0, '{}')
on conflict (terminal_id) do update
  set merchant_id = excluded.merchant_id, interval_seconds = excluded.interval_seconds,
      grace_seconds = excluded.grace_seconds, seq = 0, challenge = excluded.challenge,
      previous_challenge = '', message_id = excluded.message_id, boot_count = 0,
      uptime_seconds = 0, last_reply = '{}'
"""

# Whether the silence is our own: nobody swept lately, or nobody at all was heard although
# enough terminals are expected to speak. Then deadlines start again from now.
GUARD = """
with expected as (
  select count(*) as terminals
    from (select from terminals_liveness where link in ('ONLINE', 'LATE') limit %(enough)s) found
), verdict as (
  select w.id,
         w.swept_at is not null and w.swept_at < %(now)s - %(silence)s as we_slept,
         w.last_any_at < %(now)s - %(silence)s
           and (select terminals from expected) >= %(enough)s as nobody_heard
    from terminals_ingestwatermark w
)
update terminals_ingestwatermark w
   set swept_at = greatest(w.swept_at, %(now)s),
       resumed_at = case when v.we_slept or v.nobody_heard then greatest(w.resumed_at, %(now)s)
                         else w.resumed_at end
  from verdict v where w.id = v.id
returning coalesce(v.nobody_heard, false)
"""

# Whoever empties the tables takes the one row along. It comes back with its deadlines starting
# now, under a number of its own, so that of several sweeps one makes it.
REMAKE = """
insert into terminals_ingestwatermark (id, resumed_at, swept_at)
values (1, %(now)s, %(now)s) on conflict do nothing
"""

# One statement, so that no heartbeat falls between the look and the change; rows that another
# sweep holds are passed over. Events are dated at the deadline, not at this tick. Where our own
# silence put the deadlines off, a link stays as it was: only being heard betters it.
SWEEP = """
with due as (
  select l.terminal_id, l.link as old_link, l.interval_seconds, l.grace_seconds, l.last_seen_at,
         greatest(l.last_seen_at, (select resumed_at from terminals_ingestwatermark)) as base
    from terminals_liveness l
   where l.check_at <= %(now)s
   order by l.check_at
   limit %(batch)s
   for update of l skip locked
), deadline as (
  select d.*, base + make_interval(secs => interval_seconds) as late_at,
         base + make_interval(secs => interval_seconds + grace_seconds) as offline_at,
         base + %(missing)s as missing_at
    from due d
), verdict as (
  select *, case when %(now)s >= missing_at then 'MISSING'
                 when %(now)s >= offline_at or old_link = 'OFFLINE' then 'OFFLINE'
                 when %(now)s >= late_at or old_link = 'LATE' then 'LATE'
                 else 'ONLINE' end as new_link
    from deadline
), moved as (
  update terminals_liveness l
     set link = v.new_link,
         epoch = l.epoch + (v.new_link <> v.old_link)::int,
         check_at = case v.new_link when 'ONLINE' then v.late_at when 'LATE' then v.offline_at
                                    when 'OFFLINE' then v.missing_at end
    from verdict v where l.terminal_id = v.terminal_id
  returning l.terminal_id, l.merchant_id, v.old_link, v.new_link, l.epoch, v.last_seen_at,
            case v.new_link when 'LATE' then v.late_at when 'OFFLINE' then v.offline_at
                            when 'MISSING' then v.missing_at else %(now)s end as occurred_at
), event as (
  insert into terminals_linkevent
    (terminal_id, merchant_id, epoch, old_link, new_link, occurred_at, cause)
  select terminal_id, merchant_id, epoch, old_link, new_link, occurred_at, 'sweep'
    from moved where old_link <> new_link
  on conflict (terminal_id, epoch) do nothing
  returning terminal_id
)
select (select count(*) from moved), (select count(*) from event),
       (select coalesce(json_agg(json_build_array(m.terminal_id, m.merchant_id, t.serial,
                                                  m.last_seen_at)), '[]')
          from moved m join terminals_terminal t on t.id = m.terminal_id
         where m.new_link in ('OFFLINE', 'MISSING') and m.old_link in ('ONLINE', 'LATE'))
"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where the conversation with one terminal stands; its row is locked."""

    link: str
    seq: int
    challenge: str
    previous_challenge: str
    message_id: str
    boot_count: int
    uptime_seconds: int
    last_reply: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat that was accepted, and the answer it gets."""

    seq: int
    message_id: str
    boot_count: int
    uptime_seconds: int
    clock_skew_ms: int
    rhythm: Rhythm
    challenge: str
    reply: dict[str, Any]
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did; ``ours`` says that it held still because the silence was ours."""

    examined: int = 0
    changed: int = 0
    fell_silent: int = 0
    ours: bool = False


def arm(
    terminal: Terminal, *, challenge: str, message_id: str, rhythm: Rhythm, now: datetime
) -> None:
    """Begin the conversation with a terminal that has just proven itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            ARM,
            {
                "terminal": terminal.pk,
                "merchant": terminal.merchant_id,
                "interval": rhythm.interval_seconds,
                "grace": rhythm.grace_seconds,
                "challenge": challenge,
                "message": message_id,
            },
        )
    note_activity(terminal.pk, now=now)


def note_activity(terminal_id: int, *, now: datetime) -> None:
    """Note that a terminal was heard with something else than a heartbeat."""
    run(ACTIVITY, {"terminal": terminal_id, "now": now, "cause": "message"})


def lock_conversation(terminal_id: int) -> Conversation | None:
    """Lock a terminal's row until the transaction ends and return where it stands."""
    rows = run(LOCK, [terminal_id])
    if not rows:
        return None
    state = list(rows[0])
    state[-1] = json.loads(state[-1])
    return Conversation(*state)


def note_beat(terminal_id: int, beat: Beat, *, now: datetime) -> None:
    """Note an accepted heartbeat; the row must be locked by :func:`lock_conversation`."""
    values = {
        "terminal": terminal_id,
        "now": now,
        "cause": "beat",
        "interval": beat.rhythm.interval_seconds,
        "grace": beat.rhythm.grace_seconds,
        "seq": beat.seq,
        "challenge": beat.challenge,
        "message": beat.message_id,
        "boot": beat.boot_count,
        "uptime": beat.uptime_seconds,
        "skew": beat.clock_skew_ms,
        "reply": Jsonb(beat.reply),
        "said": Jsonb(beat.said),
    }
    run(BEAT, values)


def sweep(*, now: datetime, batch: int = BATCH) -> Swept:
    """Move terminals whose deadline has passed to late, offline or missing, once each.

    Safe with any number of sweeps at once. Marks nobody while the silence is our own.
    """
    with atomic(), connection.cursor() as cursor:
        if _silence_is_ours(cursor, now):
            return Swept(ours=True)
    values: dict[str, Any] = {"now": now, "batch": batch, "missing": MISSING_AFTER}
    with atomic(), connection.cursor() as cursor:
        cursor.execute(SWEEP, values)
        examined, changed, silent = cursor.fetchone()
        record_each(SWEEPER, "terminal.fell_silent", map(_silence, silent), now=now)
    return Swept(examined, changed, len(silent))


def sweep_all(*, now: datetime, batch: int = BATCH) -> Swept:
    """Sweep until nothing is due, and return what was done in all."""
    total = Swept()
    while True:
        swept = sweep(now=now, batch=batch)
        total = Swept(
            total.examined + swept.examined,
            total.changed + swept.changed,
            total.fell_silent + swept.fell_silent,
            swept.ours,
        )
        if swept.examined < batch:
            return total


def _silence_is_ours(cursor: CursorWrapper, now: datetime) -> bool:
    values: dict[str, Any] = {
        "now": now,
        "silence": OUR_SILENCE,
        "enough": ENOUGH_TO_JUDGE_BY,
    }
    cursor.execute(GUARD, values)
    row = cursor.fetchone()
    if row is None:
        cursor.execute(REMAKE, values)
        return False
    return bool(row[0])


def _silence(row: Sequence[Any]) -> tuple[Terminal, dict[str, object]]:
    terminal_id, merchant_id, serial, last_seen_at = row
    terminal = Terminal(pk=terminal_id, serial=serial, merchant_id=merchant_id)
    return terminal, {"since": last_seen_at}
