"""Reports as files: a merchant's day on paper."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.transaction import atomic
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from merchants.profiles.models import Merchant
from portal.jobs import actions as jobs
from portal.jobs.models import Job
from portal.kit import pdf
from portal.kit.actor import Actor, ActorKind
from transactions.records.models import CardType, Kind, Method, Status
from transactions.records.queries.rows import Row
from transactions.records.queries.sums import Summary, summed, watermark
from transactions.records.rules.filters import Filter
from transactions.reports.queries import DETAIL_ROWS, DaySummary, Group, get_day

DAY_SUMMARY = "transactions.day_summary"
TEMPLATE = "transactions/reports/day_summary.html"
STEPS = 3


@dataclass(frozen=True, slots=True)
class PaperGroup:
    """A line of the table of sums, in words."""

    kind: str
    method: str
    status: str
    group: Group


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A line of the table of transactions, in words."""

    row: Row
    kind: str
    method: str
    status: str


@atomic
def ask_for_day(*, actor: Actor, merchant_code: str, on: date, now: datetime) -> Job:
    """Ask for the summary of one merchant's day; the same day unchanged is the same file.

    ``merchant_code`` counts for our own people only: others have but one merchant.

    :raises MissingPermission: if the actor may not make reports
    :raises Merchant.DoesNotExist: if there is no such merchant the actor may see
    """
    actor.require("report.make")
    seen = Merchant.objects.visible_to(actor)
    one = seen.get(code=merchant_code) if actor.merchant_id is None else seen.get()
    wanted = Filter(since=on, until=on, merchant=one.code)
    language = get_language() or "zh-hans"
    return jobs.request_job(
        actor=actor,
        kind=DAY_SUMMARY,
        title=_("Day summary of %(day)s") % {"day": on.isoformat()},
        arguments={"merchant_id": one.pk, "on": on.isoformat(), "language": language},
        effect_key=f"{one.pk}:{on}:{language}:{watermark(actor, wanted, since=on)}",
        now=now,
        merchant_id=one.pk,
    )


def render_day_summary(
    job: Job, progress: Callable[[int, int | None], None], now: datetime
) -> dict[str, object]:
    """Make the file that a job asked for. The document is drawn outside any transaction.

    :raises Merchant.DoesNotExist: if the merchant is gone
    """
    on = date.fromisoformat(job.arguments["on"])
    merchant_id = int(job.arguments["merchant_id"])
    reader = Actor(
        kind=ActorKind.SYSTEM,
        label="day summary",
        permissions=frozenset({"transaction.read", "merchant.read"}),
        merchant_id=merchant_id,
        via="TASK",
    )
    progress(0, STEPS)
    with atomic():
        day = get_day(reader, merchant_id, on)
    progress(1, STEPS)
    with override(job.arguments["language"]):
        document = pdf.render(TEMPLATE, _paper(day, now))
    progress(2, STEPS)
    result = jobs.store_file(
        job,
        filename=f"day-{day.merchant.code}-{on:%Y%m%d}.pdf",
        content_type="application/pdf",
        blocks=[document],
    )
    progress(STEPS, STEPS)
    return result


def _paper(day: DaySummary, now: datetime) -> dict[str, object]:
    said = _words()
    english = get_language() == "en"
    return {
        "number": f"DS-{day.merchant.code}-{day.on:%Y%m%d}",
        "merchant": day.merchant,
        "merchant_name": (english and day.merchant.name_en) or day.merchant.name,
        "on": day.on,
        "made_at": now,
        "count": day.count,
        "summary": _sums(day.groups),
        "groups": [
            PaperGroup(said[g.kind], said[g.method], said[g.status], g) for g in day.groups
        ],
        "rows": [
            PaperRow(row, said[row.kind], said[row.card_type or row.method], said[row.status])
            for row in day.rows
        ],
        "shown": len(day.rows),
        "is_cut": day.count > DETAIL_ROWS,
    }


def _sums(groups: Sequence[Group]) -> Summary:
    return summed((g.kind, g.currency, g.count, g.net_minor) for g in groups)


def _words() -> dict[str, str]:
    sets: Iterable[type[Kind | Status | Method | CardType]] = (Kind, Status, Method, CardType)
    return {member.value: str(member.label) for codes in sets for member in codes}
