"""What a query means: every parameter, every word of the box, and what cannot be used."""

from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.records.rules.filters import PARAMETERS, Filter, Problem, parse

TODAY = date(2026, 11, 20)
MONTH: dict[str, Any] = {"since": date(2026, 10, 21), "until": TODAY}
# in pieces, so that no full card number stands in a file
FULL_NUMBER = "622588" + "000000000" + "1"


def asked(**query: str | list[str]) -> Filter:
    return parse(
        {name: [v] if isinstance(v, str) else v for name, v in query.items()}, today=TODAY
    ).filter


@pytest.mark.parametrize(
    ("case", "query", "wanted"),
    [
        ("nothing is the last month", {}, Filter(**MONTH)),
        ("today", {"period": "today"}, Filter(since=TODAY, until=TODAY)),
        ("a week", {"period": "7d"}, Filter(since=date(2026, 11, 14), until=TODAY)),
        ("any days", {"period": "14d"}, Filter(since=date(2026, 11, 7), until=TODAY)),
        (
            "two dates",
            {"from": "2025-02-01", "to": "2025-02-28"},
            Filter(since=date(2025, 2, 1), until=date(2025, 2, 28)),
        ),
        ("an open end", {"from": "2025-02-01"}, Filter(since=date(2025, 2, 1))),
        (
            "a period beats dates",
            {"period": "today", "from": "2025-02-01"},
            Filter(since=TODAY, until=TODAY),
        ),
        (
            "several statuses in any case and order",
            {"status": ["reversed", "DECLINED"]},
            Filter(**MONTH, statuses=("DECLINED", "REVERSED")),
        ),
        ("amounts", {"min": "1,000", "max": "¥2000.5"},
         Filter(**MONTH, min_minor=100_000, max_minor=200_050)),
        ("a terminal", {"terminal": "n9a041041"}, Filter(**MONTH, terminal="n9a041041")),
        ("last four", {"q": "0417"}, Filter(**MONTH, last4="0417")),
        ("a masked card", {"q": "****0417"}, Filter(**MONTH, last4="0417")),
        ("an RRN is exact", {"q": "261120000123"}, Filter(rrn="261120000123")),
        ("a reference is exact", {"q": "R3F0AB12"}, Filter(code="R3F0AB12")),
        ("an amount", {"q": "12.50"}, Filter(**MONTH, min_minor=1250, max_minor=1250)),
        ("an amount in yuan", {"q": "¥123"}, Filter(**MONTH, min_minor=12_300, max_minor=12_300)),
        ("card and amount", {"q": "0417 12.50"},
         Filter(**MONTH, last4="0417", min_minor=1250, max_minor=1250)),
        (
            "operators",
            {"q": "status:declined amount:>1000 last:7d kind:refund"},
            Filter(since=date(2026, 11, 14), until=TODAY, statuses=("DECLINED",),
                   kinds=("REFUND",), min_minor=100_001),
        ),
        ("at most", {"q": "amount:<=500"}, Filter(**MONTH, max_minor=50_000)),
        ("below", {"q": "amount:<500"}, Filter(**MONTH, max_minor=49_999)),
        ("between", {"q": "amount:100..200"}, Filter(**MONTH, min_minor=10_000, max_minor=20_000)),
        ("an operator beside its parameter adds to it", {"q": "kind:void", "kind": "REFUND"},
         Filter(**MONTH, kinds=("REFUND", "VOID"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_query_means(case: str, query: dict[str, str], wanted: Filter) -> None:
    assert asked(**query) == wanted


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"min": "abc"}, ("min", Problem.NOT_AN_AMOUNT)),
        ({"max": "-5"}, ("max", Problem.NOT_AN_AMOUNT)),
        ({"from": "20.11.2026"}, ("from", Problem.NOT_A_DATE)),
        ({"from": "0001-01-01"}, ("from", Problem.NOT_A_DATE)),
        ({"from": "2026-11-02", "to": "2026-11-01"}, ("to", Problem.REVERSED)),
        ({"period": "a while"}, ("period", Problem.NOT_A_PERIOD)),
        ({"status": "LOST"}, ("status", Problem.NOT_A_CHOICE)),
        ({"terminal": "a b"}, ("terminal", Problem.NOT_A_NAME)),
        ({"min": ["1", "2"]}, ("min", Problem.TWICE)),
        ({"q": "zz"}, ("q", Problem.NOT_A_KEY)),
        ({"q": "colour:red"}, ("q", Problem.NOT_A_KEY)),
        ({"q": "amount:lots"}, ("q", Problem.NOT_AN_AMOUNT)),
        ({"q": "0417 0418"}, ("q", Problem.TWICE)),
        ({"q": FULL_NUMBER}, ("q", Problem.FULL_CARD_NUMBER)),
    ],
)
def test_what_makes_no_sense_is_named_and_the_rest_is_kept(
    query: dict[str, str | list[str]], problem: tuple[str, Problem]
) -> None:
    lists = {name: [v] if isinstance(v, str) else v for name, v in query.items()}

    found = parse({**lists, "kind": ["VOID"]}, today=TODAY)

    assert [(name, what) for name, (what, _text) in found.problems.items()] == [problem]
    assert found.filter.kinds == ("VOID",)


def test_a_full_card_number_goes_nowhere() -> None:
    found = parse({"q": [f"kind:void {FULL_NUMBER}"]}, today=TODAY)

    assert found.parameters == ()
    assert FULL_NUMBER not in repr(found)


def test_the_canonical_query_is_sorted_and_has_no_empties() -> None:
    found = parse(
        {"status": ["reversed", ""], "q": ["amount:>1000 0417"], "min": [""], "kind": ["VOID"]},
        today=TODAY,
    )

    assert urlencode(found.parameters) == "kind=VOID&min=1000.01&q=0417&status=REVERSED"


WORDS = st.sampled_from(
    ["", "0417", "12.50", "261120000123", "R3F0AB12", "status:declined", "amount:>1000",
     "amount:10..20", "last:7d", "zz", "kind:refund", "terminal:N9A1", "x:y", "￥20", "2026-11-01",
     "REFUND", "declined", "today", "30d", "1000", "-1", "S1"]
)  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(PARAMETERS),
    st.lists(WORDS | st.text("a1:.-¥ \u2212é", max_size=12), max_size=3),
)


@given(QUERIES)
def test_the_canonical_query_means_the_same_again(query: dict[str, list[str]]) -> None:
    first = parse(query, today=TODAY)

    again = parse(parse_qs(urlencode(first.parameters)), today=TODAY)

    assert again.filter == first.filter
    assert again.parameters == first.parameters
    assert again.problems == {}
