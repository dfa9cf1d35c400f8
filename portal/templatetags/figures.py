"""Figures and charts: each has its numbers as text beside or below the drawing."""

from collections.abc import Sequence
from datetime import date

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal.kit import charts
from portal.templatetags.money import written
from portal.templatetags.when import weekday

register = template.Library()

TREND_ICONS = {"up": "arrow-up", "down": "arrow-down", "flat": "arrow-right"}


@register.inclusion_tag("components/kpi.html")
def kpi(
    *,
    label: str,
    value: str,
    delta: str = "",
    trend: str = "flat",
    note: str = "",
    spark: Sequence[int] = (),
    help: str = "",  # noqa: A002 - reads as the page's own word
    url: str = "",
    good: bool | None = None,
) -> dict[str, object]:
    """Show one figure with its change, its trend line and, on asking, its definition."""
    return {
        "label": label,
        "value": value,
        "delta": delta,
        "trend_icon": TREND_ICONS[trend],
        "delta_css": "" if good is None else "pos" if good else "neg",
        "note": note,
        "spark": charts.spark_svg(spark),
        "help": help,
        "url": url,
    }


@register.inclusion_tag("components/sales_chart.html")
def sales_chart(
    bars: Sequence[charts.Bar], today: date, currency: str = "CNY", label: str = ""
) -> dict[str, object]:
    """Draw sales and refunds by day, for wide and narrow screens, with the same as a table."""
    rows = [
        {
            "on": bar.on,
            "sales": written(bar.sales_minor, currency),
            "refunds": written(-bar.refunds_minor, currency),
        }
        for bar in bars
    ]
    titles = [
        f"{row['on']} {weekday(bar.on)}\n{gettext('Sales')} {row['sales']}"
        f"\n{gettext('Refunds')} {row['refunds']}"
        for row, bar in zip(rows, bars, strict=True)
    ]
    said = label or gettext("Sales and refunds by day")
    return {
        "broad": charts.chart_svg(bars, today=today, label=said, titles=titles),
        "narrow": charts.chart_svg(bars, today=today, label=said, titles=titles, narrow=True),
        "rows": rows[::-1],
        "has_today": any(bar.on == today for bar in bars),
    }


@register.inclusion_tag("components/columns_chart.html")
def columns_chart(
    columns: Sequence[charts.Column], label: str, unit: int = 100
) -> dict[str, object]:
    """Draw any short series of columns: by hour, by store, by method."""
    return {
        "broad": charts.columns_svg(columns, label=label, unit=unit, css="broad", height=260),
        "narrow": charts.columns_svg(
            columns, label=label, unit=unit, css="narrow", width=340, height=220
        ),
    }


@register.inclusion_tag("components/stacked.html")
def stacked(parts: Sequence[charts.Part], label: str) -> dict[str, object]:
    """Draw shares of a whole with a legend that carries the figures."""
    return {"drawing": charts.stacked_svg(parts, label=label), "parts": parts}


@register.simple_tag
def spark(values: Sequence[int]) -> SafeString:
    """Draw a trend line alone."""
    return charts.spark_svg(values)


@register.simple_tag
def heartbeats(cells: Sequence[charts.Beat], label: str) -> SafeString:
    """Draw how regularly a terminal was heard of."""
    return charts.heartbeat_svg(cells, label=label)


@register.inclusion_tag("components/calendar.html")
def calendar(days: Sequence[object]) -> dict[str, object]:
    """Show the daily sign-in of a month: on, state and title of each day."""
    return {"days": days}


@register.inclusion_tag("components/meter.html")
def meter(used: int, total: int, label: str, text: str) -> dict[str, object]:
    """Show how much of a limit is used; it turns amber at 80 % and red when reached."""
    tone: charts.Tone = "ok"
    if used * 10 >= total * 8:
        tone = "bad" if used >= total else "warn"
    drawing = charts.meter_svg(used, total, tone=tone, label=f"{label} {text}")
    return {"drawing": drawing, "label": label, "text": text}
