"""Amounts and times as they are written: exact text, in both languages and in any zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Engine
from django.utils import timezone, translation

from portal.kit.money import Money
from portal.templatetags import money as money_tags
from portal.templatetags import when as when_tags


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"), timezone.override("Asia/Shanghai"):
        yield


def render(source: str, **context: object) -> str:
    return Engine.get_default().from_string(source).render(Context(context))


@pytest.mark.parametrize(
    ("case", "minor", "currency", "text"),
    [
        ("yuan", 123450, "CNY", "¥1,234.50"),
        ("less than a yuan", 7, "CNY", "¥0.07"),
        ("given back", -4090, "CNY", "−¥40.90"),
        ("no decimals", 1200, "JPY", "JP¥1,200"),
        ("another dollar", 5, "HKD", "HK$0.05"),
        ("large", 1234567890123, "CNY", "¥12,345,678,901.23"),
    ],
)
def test_money_is_written_exactly(case: str, minor: int, currency: str, text: str) -> None:
    assert money_tags.money(Money(minor, currency)) == text
    assert money_tags.money(minor, currency) == text


def test_money_reads_the_same_in_both_languages() -> None:
    with translation.override("zh-hans"):
        assert render("{{ m|money }}", m=Money(123450)) == "¥1,234.50"


def test_an_amount_given_back_is_marked_as_well_as_signed() -> None:
    assert render("{{ m|amount }}", m=Money(-100)) == '<span class="money neg">−¥1.00</span>'
    assert render("{{ m|amount }}", m=Money(100)) == '<span class="money">¥1.00</span>'


def test_a_difference_shows_its_plus() -> None:
    assert [money_tags.signed(n) for n in (100, 0, -100)] == ["+¥1.00", "¥0.00", "−¥1.00"]


def test_figures_and_rates() -> None:
    assert [money_tags.figure(n) for n in (4812, -3)] == ["4,812", "−3"]
    assert money_tags.percent(Decimal("0.021")) == "2.1%"
    assert money_tags.percent(Decimal("-0.12345"), 2) == "−12.35%"
    assert money_tags.basis_points(Decimal(38)) == "0.38%"
    assert money_tags.basis_points(Decimal("37.5")) == "0.375%"


@pytest.mark.parametrize(
    "name",
    ["money", "amount", "signed", "figure", "percent", "basis_points", "when", "day", "ago"],
)
def test_what_is_not_known_is_a_dash(name: str) -> None:
    assert render(f"{{{{ nothing|{name} }}}}", nothing=None) == "–"


def test_a_moment_carries_the_exact_time_and_zone() -> None:
    at = datetime(2025, 11, 18, 1, 12, 5, tzinfo=UTC)

    assert render("{{ at|when }}", at=at) == (
        '<time datetime="2025-11-18T09:12:05+08:00" title="2025-11-18T09:12:05+08:00 (UTC+8)">'
        "2025-11-18 <b>09:12:05</b></time>"
    )
    assert render("{{ at|moment }}", at=at) == "2025-11-18 09:12:05 UTC+8"
    assert render("{{ at|clock }}", at=at) == "09:12"


def test_near_days_have_names() -> None:
    today = date(2026, 1, 1)

    near = [when_tags.near_day(today - timedelta(days=n), today) for n in (0, 1, 2)]
    assert near == ["Today", "Yesterday", "2025-12-30"]
    assert when_tags.near_day(date(2026, 3, 9), date(2026, 11, 20)) == "03-09"


def test_a_time_late_in_the_evening_of_london_is_tomorrow_in_shanghai() -> None:
    assert render("{{ at|day }}", at=datetime(2026, 11, 19, 17, tzinfo=UTC)) == "20 Nov 2026"


@pytest.mark.parametrize(
    ("language", "day", "month", "weekday"),
    [
        ("en", "20 Nov 2026", "November 2026", "Fri"),
        ("zh-hans", "2026 年 11 月 20 日", "2026 年 11 月", "周五"),
    ],
)
def test_dates_follow_the_language(language: str, day: str, month: str, weekday: str) -> None:
    with translation.override(language):
        written = render("{{ d|day }}|{{ d|month }}|{{ d|weekday }}", d=date(2026, 11, 20))
    assert written == f"{day}|{month}|{weekday}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-5, "in a moment"),
        (60, "1 minute ago"),
        (720, "12 minutes ago"),
        (7200, "2 hours ago"),
        (-172800, "in 2 days"),
    ],
)
def test_distance_is_told_in_one_unit(seconds: int, text: str) -> None:
    assert when_tags.distance(seconds) == text


@pytest.mark.parametrize(
    ("zone", "name"), [("Asia/Shanghai", "UTC+8"), ("UTC", "UTC"), ("Asia/Kolkata", "UTC+5:30")]
)
def test_zones_are_named_by_offset(zone: str, name: str) -> None:
    with timezone.override(zone):
        local = timezone.localtime(datetime(2026, 11, 20, tzinfo=UTC))
    assert when_tags.zone_name(local) == name
