"""The figures around a page of the list: its sums, the tabs' counts, and when to look again."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property

from portal.kit.actor import Actor
from portal.kit.paging import Page
from transactions.records.models import MONEY_OUT, Status
from transactions.records.queries import sums
from transactions.records.queries.rows import Row
from transactions.records.rules.filters import Filter, parse
from transactions.records.views.asking import Question

PULSE_DAYS = 2


class Figures:
    """All of them, out of one walk through a merchant's daily totals where that can tell."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def summary(self, page: Page[Row]) -> sums.Summary:
        """Count and sums of everything the filter finds, of which the page is one."""
        question, wanted = self._question, self._question.asked.filter
        if page.next is None and page.previous is None:
            return sums.summary_of(page.rows)
        return sums.summarise(
            question.actor,
            wanted,
            None if question.staff else self._days,
            exact=question.exact,
        )

    @property
    def tab_counts(self) -> Mapping[str, int]:
        """Count the built-in views; over all merchants it would cost more than it tells."""
        if self._question.staff:
            return {}
        cells = [cell for cell in self._days.cells if cell.usual_rows]
        return {
            "": sum(cell.usual_rows for cell in cells),
            "declined": sum(c.usual_rows for c in cells if c.status == Status.DECLINED),
            "given-back": sum(c.usual_rows for c in cells if c.kind in MONEY_OUT),
        }

    @property
    def mark(self) -> int:
        """The number that tells whether anything came in since."""
        question, wanted = self._question, self._question.asked.filter
        if not question.staff and wanted.since:
            return self._days.grown
        since = since_when(question.actor, wanted, today=question.today)
        return sums.watermark(question.actor, wanted, since=since)

    @cached_property
    def _days(self) -> sums.Days:
        wanted, usual = self._question.asked.filter, parse({}, today=self._question.today).filter
        if not (wanted.since or wanted.rolls_up):  # an exact search: its days tell nothing
            wanted = usual
        return sums.days_of(self._question.actor, wanted, usual)


def since_when(actor: Actor, wanted: Filter, *, today: date) -> date:
    """Return the day from which on the pulse of a list listens.

    A merchant's people hear of every day of the list, our own people of the last few: over
    all merchants the rest would cost more than it tells.
    """
    last = today - timedelta(days=PULSE_DAYS)
    return last if actor.merchant_id is None else wanted.since or last
