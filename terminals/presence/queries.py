"""Questions about who has been heard."""

from django.db import connection

from portal.kit.finding import Finding

MOST_TOLD = 50

# A link that its own row or its history contradicts. One statement, so one moment.
IMPOSSIBLE = """
with last_event as (
  select distinct on (terminal_id) terminal_id, epoch, new_link
    from terminals_linkevent order by terminal_id, epoch desc
), events as (
  select terminal_id, count(*) as n from terminals_linkevent group by terminal_id
), judged as (
  select l.terminal_id,
         case
           when l.epoch <> coalesce(e.n, 0) then 'has changes without events'
           when l.epoch <> coalesce(v.epoch, 0) then 'has another epoch than its last event'
           when l.link <> coalesce(v.new_link, 'NEVER')
             then 'has another link than its last event'
           when (l.link = 'NEVER') <> (l.last_seen_at is null)
             then 'was heard and never heard at once'
           when (l.link in ('NEVER', 'MISSING')) <> (l.check_at is null)
             then 'is not watched as its link demands'
         end as why
    from terminals_liveness l
    left join last_event v using (terminal_id)
    left join events e using (terminal_id)
)
select count(*),
       coalesce(array_agg(terminal_id || ' ' || why) filter (where why is not null), '{}')
  from judged
"""


def find_impossible_links() -> Finding:
    """Compare every terminal's link with its history."""
    with connection.cursor() as cursor:
        cursor.execute(IMPOSSIBLE)
        checked, breaches = cursor.fetchone()
    return Finding(checked, tuple(f"terminal {breach}" for breach in breaches[:MOST_TOLD]))
