"""Charts: what is drawn, where, and that any words in them are safe."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from portal.kit.charts import (
    Bar,
    Beat,
    Column,
    Part,
    chart_svg,
    columns_svg,
    heartbeat_svg,
    meter_svg,
    nice_step,
    spark_svg,
    stacked_svg,
)

FRIDAY = date(2026, 11, 20)


def month(sales: int = 1_650_000, refunds: int = 300_000) -> list[Bar]:
    return [Bar(FRIDAY - timedelta(days=29 - i), sales, refunds) for i in range(30)]


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def of_class(svg: str, css: str) -> list[ET.Element]:
    return [node for node in drawn(svg).iter() if node.get("class") == css]


def columns_in(node: ET.Element) -> int:
    return (node.get("d") or "").count("M")


@pytest.mark.parametrize(
    ("case", "most", "step"),
    [
        ("nothing sold", 0, 1),
        ("a few fen", 7, 2),
        ("one yuan", 100, 25),
        ("a hundred yuan", 10_000, 2_500),
        ("a good day", 3_340_000, 1_000_000),
        ("a chain of stores", 81_000_000, 25_000_000),
    ],
)
def test_grid_lines_stand_on_round_figures(case: str, most: int, step: int) -> None:
    assert nice_step(most, 100) == step


def test_sales_rise_refunds_fall_and_today_is_hollow() -> None:
    svg = chart_svg(month(), today=FRIDAY, label="Sales and refunds by day")

    (sales,), (today,), (refunds,) = (
        of_class(svg, css) for css in ("t-sales", "c-today", "t-refunds")
    )
    assert (columns_in(sales), columns_in(today), columns_in(refunds)) == (29, 1, 30)
    zero = float(re.findall(r"M[\d.]+ ([\d.]+)H", of_class(svg, "c-axis")[0].get("d") or "")[0])
    starts_up = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)v-", sales.get("d") or "")]
    starts_down = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)v\d", refunds.get("d") or "")]
    assert starts_up == [zero - 1] * 29
    assert starts_down == [zero + 1] * 30


def test_each_weekend_day_has_a_band() -> None:
    (bands,) = of_class(chart_svg(month(), today=FRIDAY, label="x"), "c-band")

    assert columns_in(bands) == sum(bar.on.weekday() >= 5 for bar in month()) == 8


def test_the_narrow_variant_keeps_the_last_fourteen_days() -> None:
    titles = [f"day {i}" for i in range(30)]

    svg = chart_svg(month(), today=FRIDAY, label="x", titles=titles, narrow=True)

    root = drawn(svg)
    assert root.get("class") == "chart narrow"
    assert [node.text for node in root.iter() if node.tag.endswith("title")] == titles[16:]


def test_today_is_always_labelled() -> None:
    for narrow in (False, True):
        svg = chart_svg(month(), today=FRIDAY, label="x", narrow=narrow)
        ticks = [node.text for node in drawn(svg).iter() if "/" in (node.text or "")]
        assert ticks[-1] == "11/20"


def test_a_day_without_sales_draws_no_column() -> None:
    svg = chart_svg([Bar(FRIDAY, 0, 0)], today=FRIDAY, label="x")

    assert of_class(svg, "c-today") == of_class(svg, "t-sales") == of_class(svg, "t-refunds") == []


def test_an_empty_period_is_still_a_chart() -> None:
    assert (
        drawn(chart_svg([], today=FRIDAY, label="Nothing yet")).get("aria-label") == "Nothing yet"
    )


def test_no_column_leaves_the_drawing() -> None:
    svg = chart_svg(month(sales=4_000_000, refunds=1_000_000), today=FRIDAY, label="x")

    numbers = re.findall(r"M([\d.]+) ([\d.]+)", " ".join(p.get("d") or "" for p in drawn(svg)))
    assert all(0 <= float(x) <= 760 and 0 <= float(y) <= 330 for x, y in numbers)


def test_words_are_escaped_everywhere() -> None:
    nasty = "<script>\"'&"

    svgs = [
        chart_svg([Bar(FRIDAY, 1, 1)], today=FRIDAY, label=nasty, titles=[nasty]),
        columns_svg([Column(nasty, 100, title=nasty)], label=nasty),
        stacked_svg([Part(nasty, 1, "ok")], label=nasty),
        heartbeat_svg([Beat("late", nasty)], label=nasty),
        meter_svg(1, 2, tone="ok", label=nasty),
    ]

    assert [drawn(svg).get("aria-label") for svg in svgs] == [nasty] * 5
    assert not any("<script" in svg for svg in svgs)


def test_nothing_is_styled_inline() -> None:
    svgs = [
        chart_svg(month(), today=FRIDAY, label="x"),
        spark_svg([1, 3, 2]),
        stacked_svg([Part("a", 1, "ok")], label="x"),
        heartbeat_svg([Beat("ok")], label="x"),
    ]

    assert not any("style" in svg for svg in svgs)


def test_shares_fill_the_bar_and_small_ones_stay_visible() -> None:
    parts = [Part("in", 997, "ok"), Part("late", 2, "warn"), Part("fault", 1, "bad")]

    rects = [node for node in drawn(stacked_svg(parts, label="x")) if node.tag.endswith("rect")]

    widths = [float(rect.get("width") or 0) for rect in rects]
    assert sum(widths) == pytest.approx(1000 - 2 * 6, abs=0.2)
    assert min(widths) > 9


def test_shares_of_nothing_are_an_empty_bar() -> None:
    assert len(of_class(stacked_svg([Part("in", 0, "ok")], label="x"), "c-band")) == 1


def test_a_late_beat_differs_from_a_missing_one_in_height() -> None:
    svg = heartbeat_svg([Beat("ok"), Beat("late"), Beat("missing"), Beat("none")], label="x")

    assert [node.get("height") for node in drawn(svg)] == ["28.0", "16.0", "8.0", "2.0"]


def test_a_meter_over_its_limit_is_full() -> None:
    filled = of_class(meter_svg(300, 200, tone="bad", label="x"), "t-bad")

    assert [node.get("width") for node in filled] == ["1000.0"]


def test_a_trend_ends_at_its_last_value() -> None:
    dot = of_class(spark_svg([1, 5, 9]), "t-sales")[0]

    assert (dot.get("cx"), dot.get("cy")) == ("92.0", "4.0")
    assert spark_svg([]) == ""
