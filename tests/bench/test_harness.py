"""The harness's own arithmetic: a wrong ratio would make every goal a story."""

from collections.abc import Callable

import pytest

from tests.bench import figures, report, runs
from tests.bench.figures import Goal, Row


@pytest.mark.parametrize(
    ("samples", "middle"), [([3.0], 3.0), ([9.0, 1.0, 2.0], 2.0), ([1.0, 2.0, 3.0, 100.0], 2.5)]
)
def test_the_median_is_the_middle_and_one_slow_sample_does_not_move_it(
    samples: list[float], middle: float
) -> None:
    assert figures.median(samples) == middle


def test_there_is_no_median_of_nothing() -> None:
    with pytest.raises(ValueError, match="no samples"):
        figures.median([])


def test_a_ratio_says_how_many_times_better_ours_is_for_times_and_for_rates() -> None:
    assert figures.times_better(2.0, 16.0, unit="ms") == 8.0
    assert figures.times_better(1600.0, 200.0, unit="messages/s") == 8.0


@pytest.mark.parametrize(
    ("case", "points", "power"),
    [
        ("flat", {800: 2.0, 2500: 2.0, 8000: 2.0}, 0.0),
        ("linear", {800: 8.0, 2500: 25.0, 8000: 80.0}, 1.0),
        ("square root", {100: 10.0, 400: 20.0, 1600: 40.0}, 0.5),
        ("faster with size", {10: 4.0, 100: 0.4, 1000: 0.04}, -1.0),
    ],
)
def test_the_exponent_tells_how_a_figure_grows_with_its_size(
    case: str, points: dict[int, float], power: float
) -> None:
    assert figures.exponent(points) == pytest.approx(power, abs=1e-9)


def test_two_sizes_are_too_few_to_tell_growth() -> None:
    assert figures.exponent({800: 2.0, 8000: 3.0}) is None


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal(), None),
        (Goal(peer=8), True),
        (Goal(peer=8.1), False),
        (Goal(limit=4), True),
        (Goal(limit=3.9), False),
        (Goal(most=2), True),
        (Goal(most=1.9), False),
        (Goal(growth=0.1), True),
        (Goal(growth=0.04), False),
        (Goal(peer=8, limit=3.9), False),
    ],
)
def test_a_goal_for_a_time_is_met_when_every_part_of_it_is(
    *, goal: Goal, met: bool | None
) -> None:
    row = Row("list", 100, "ms", ours=2.0, peer=16.0, limit=0.5, exponent=0.05, goal=goal)

    assert row.met is met


@pytest.mark.parametrize(("share", "met"), [(0.3, True), (0.31, False)])
def test_a_rate_has_to_reach_a_share_of_its_limit(*, share: float, met: bool) -> None:
    row = Row("intake", 100, "messages/s", ours=300.0, limit=1000.0, goal=Goal(limit=share))

    assert row.ratio_limit == 0.3
    assert row.met is met


def test_a_goal_is_missed_where_its_figure_could_not_be_had() -> None:
    assert Row("list", 100, "ms", ours=2.0, goal=Goal(peer=8)).met is False
    assert Row("list", 100, "ms", ours=2.0, goal=Goal(growth=0.1)).met is False


def test_a_row_is_written_as_the_contract_names_it() -> None:
    goal = Goal(peer=8, limit=12, most=10, growth=0.1)
    row = Row("list", 800, "ms", ours=1.99996, peer=16.0, limit=0.5, exponent=0.05, goal=goal)

    assert row.as_json() == {
        "name": "list",
        "size": 800,
        "unit": "ms",
        "ours": 2.0,
        "peer": 16.0,
        "limit": 0.5,
        "ratio_peer": 8.0,
        "ratio_limit": 4.0,
        "exponent": 0.05,
        "goal": ">= 8x peer, <= 12x limit, <= 10 ms, growth <= 0.1",
        "met": True,
    }


def test_contenders_take_turns_and_each_round_begins_with_another() -> None:
    order: list[str] = []

    def contender(name: str, seconds: float) -> Callable[[int], list[float]]:
        def work(times: int) -> list[float]:
            order.append(name)
            return [seconds] * times

        return work

    found = runs.interleave(
        {"ours": contender("ours", 1.0), "peer": contender("peer", 4.0)}, repeats=3
    )

    assert found == {"ours": 1.0, "peer": 4.0}
    assert order == ["ours", "peer", *("ours", "peer"), *("peer", "ours"), *("ours", "peer")]


def test_a_fast_contender_answers_often_in_its_turn_and_a_slow_one_once() -> None:
    asked: dict[float, list[int]] = {0.01: [], 2.0: []}

    def contender(seconds: float) -> Callable[[int], list[float]]:
        def work(times: int) -> list[float]:
            asked[seconds].append(times)
            return [seconds] * times

        return work

    runs.interleave({"fast": contender(0.01), "slow": contender(2.0)}, repeats=1)

    assert asked == {0.01: [1, 3, 15], 2.0: [1, 1]}


def test_the_table_says_plainly_which_goal_is_missed() -> None:
    rows = [
        Row("good : peer", 1000, "ms", ours=1.0, peer=9.0, goal=Goal(peer=8)),
        Row("bad : peer", 1000, "ms", ours=1.0, peer=7.0, goal=Goal(peer=8)),
        Row("free : peer", 1000, "ms", ours=1.0, peer=7.0),
    ]

    last_words = [line.split()[-1] for line in report.table(rows).splitlines()[1:]]

    assert last_words == ["met", "MISSED", "7"]
