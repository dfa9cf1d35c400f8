"""Two imports of the same file at once: one takes it in, the other finds it there."""

from collections.abc import Callable

import pytest
from django.db.transaction import atomic

from tests.transactions.intake.test_history import line, taken_in
from transactions.records.models import DailyTotal, Transaction
from transactions.records.queries.proofs import compare_daily_totals

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def test_of_four_imports_at_once_one_takes_the_file_in(
    together: Callable[..., dict[str, int]],
) -> None:
    rows = [line(external_id=f"x{n}") for n in range(200)]
    news: list[int] = []

    def run() -> None:
        done, _rejected = taken_in(rows)
        news.append(done.transactions.new)

    assert together(4, run) == {"done": 4}
    assert sorted(news) == [0, 0, 0, 200]
    with atomic():
        assert Transaction.objects.count() == 200
        assert DailyTotal.objects.get().count == 200
        assert compare_daily_totals().holds
