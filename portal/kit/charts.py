"""Charts as SVG text: the same drawing on a page, on a phone and in a PDF.

Colours are presentation attributes, because page styles do not reach SVG in the PDF; the
classes beside them let the page's stylesheet recolour the drawing for dark mode. Nothing here
reads the clock, the settings or the language: callers pass finished words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Literal

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from portal.kit.markup import markup

Tone = Literal["ok", "warn", "bad", "mute", "info", "sales", "refunds"]
BeatState = Literal["ok", "late", "missing", "none"]

FONT = "Noto Sans CJK SC, WenQuanYi Micro Hei, sans-serif"
TONES: dict[str, str] = {
    "ok": "#0d7f73",
    "warn": "#c98a1b",
    "bad": "#cf3a31",
    "mute": "#8e9a9f",
    "info": "#1b5799",
    "sales": "#0d7f73",
    "refunds": "#b4541a",
    "band": "#ecf1f1",
}
STEPS = (1, 2, 2.5, 5, 10)
SATURDAY = 5
RADIUS = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a merchant: what was sold and what was given back, both positive, in fen."""

    on: date
    sales_minor: int
    refunds_minor: int


@dataclass(frozen=True, slots=True)
class Column:
    """One slot of a column chart: ``up`` above the axis, ``down`` below it, minor units.

    ``tick`` is printed under the axis when there is room, ``title`` is the words on hovering.
    """

    tick: str
    up: int
    down: int = 0
    title: str = ""
    banded: bool = False
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a stacked bar, with its line in the legend."""

    label: str
    value: int
    tone: Tone
    url: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """One interval of a heartbeat strip and the words shown on hovering."""

    state: BeatState
    title: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a column chart draws: pixels of the view box and minor units to a pixel."""

    width: float
    top: float
    zero: float
    bottom: float
    left: float
    slot: float
    scale: float

    def x(self, index: int) -> float:
        """Return the left edge of a slot."""
        return self.left + index * self.slot


def chart_svg(
    bars: Sequence[Bar],
    *,
    today: date,
    label: str,
    titles: Sequence[str] = (),
    narrow: bool = False,
) -> SafeString:
    """Draw sales up and refunds down by day; weekends are bands, today is hollow.

    ``titles`` are hover texts, one a bar; ``narrow`` keeps the last 14 days in phone size.
    """
    words = titles or [f"{bar.on:%Y-%m-%d}" for bar in bars]
    columns = [
        Column(
            tick=f"{bar.on.month}/{bar.on.day}",
            up=bar.sales_minor,
            down=bar.refunds_minor,
            title=title,
            banded=bar.on.weekday() >= SATURDAY,
            hollow=bar.on == today,
        )
        for bar, title in zip(bars, words, strict=True)
    ]
    if narrow:
        return columns_svg(columns[-14:], label=label, width=340, height=250, css="narrow")
    return columns_svg(columns, label=label, css="broad")


def columns_svg(
    columns: Sequence[Column],
    *,
    label: str,
    width: int = 760,
    height: int = 330,
    unit: int = 100,
    css: str = "",
) -> SafeString:
    """Draw columns above and below one axis; ``unit`` is the minor units of one axis unit."""
    step = nice_step(max((c.up for c in columns), default=0), unit)
    above = max(1, ceil(max((c.up for c in columns), default=0) / step))
    below = ceil(max((c.down for c in columns), default=0) / step)
    ticks = [(n, f"{abs(n) * step / unit:,.10g}") for n in range(-below, above + 1)]
    left = 12 + 6.5 * max(len(text) for _, text in ticks)
    gap = (height - 40) / (above + below)
    frame = Frame(
        width=width,
        top=12,
        zero=12 + gap * above,
        bottom=12 + gap * (above + below),
        left=left,
        slot=(width - left - 8) / max(1, len(columns)),
        scale=gap / step,
    )
    body = [
        _bands(columns, frame),
        _grid(ticks, frame, gap),
        _series(columns, frame),
        _axis(columns, frame),
        _hits(columns, frame),
    ]
    return _svg("".join(body), width, height, label, f"chart {css}".strip())


def nice_step(most: int, unit: int) -> int:
    """Choose the distance of grid lines: about four of them, on round figures, at least one."""
    rough = max(most / 4, unit * 0.01, 1)
    power = 1
    while power * 10 <= rough:
        power *= 10
    return max(1, int(next(step * power for step in STEPS if step * power >= rough)))


def spark_svg(values: Sequence[int], *, width: int = 96, height: int = 28) -> SafeString:
    """Draw a trend line without axes; decoration beside a figure, so it has no name."""
    if not values:
        return SafeString("")
    low, high = min(values), max(values)
    across = (width - 8) / max(1, len(values) - 1)
    points = [
        (4 + i * across, height - 4 - (height - 8) * (value - low) / max(1, high - low))
        for i, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return format_html(
        '<svg class="spark" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' aria-hidden="true"><polyline points="{line}" fill="none" stroke="#0d7f73"'
        ' stroke-width="1.5" class="t-sales-line"/><circle cx="{x}" cy="{y}" r="2.5"'
        ' fill="#0d7f73" class="t-sales"/></svg>',
        w=width,
        h=height,
        line=line,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
    )


def stacked_svg(parts: Sequence[Part], *, label: str) -> SafeString:
    """Draw shares of a whole side by side; a share that is not zero is never invisible."""
    total = sum(part.value for part in parts)
    shown = [part for part in parts if part.value > 0]
    room = 1000 - 6 * max(0, len(shown) - 1)
    widths = [max(10.0, room * part.value / max(1, total)) for part in shown]
    shrink = room / sum(widths) if widths else 1
    x, drawn = 0.0, []
    for part, width in zip(shown, widths, strict=True):
        drawn.append(_rect(x, 0, width * shrink, 12, part.tone))
        x += width * shrink + 6
    if not drawn:
        drawn.append(_rect(0, 0, 1000, 12, "band"))
    return _svg("".join(drawn), 1000, 12, label, "stacked", stretch=True)


def heartbeat_svg(beats: Sequence[Beat], *, label: str) -> SafeString:
    """Draw one mark an interval; height as well as colour tells late and missing apart."""
    marks = {
        "ok": (0, 28, "ok"),
        "late": (12, 16, "warn"),
        "missing": (20, 8, "bad"),
        "none": (26, 2, "mute"),
    }
    drawn = []
    for i, beat in enumerate(beats):
        y, tall, tone = marks[beat.state]
        mark = _rect(i * 6, y, 5, tall, tone)
        drawn.append(f"<g>{_title(beat.title)}{mark}</g>" if beat.title else mark)
    return _svg("".join(drawn), max(6, len(beats) * 6 - 1), 28, label, "beats", stretch=True)


def meter_svg(used: int, total: int, *, tone: Tone, label: str) -> SafeString:
    """Draw how much of a limit is used; over the limit the bar is full."""
    filled = 1000 * min(max(used, 0), total) / total if total > 0 else 0
    drawn = _rect(0, 0, 1000, 8, "band")
    if filled:
        drawn += _rect(0, 0, filled, 8, tone)
    return _svg(drawn, 1000, 8, label, "meter", stretch=True)


def _svg(
    body: str, width: float, height: float, label: str, css: str, *, stretch: bool = False
) -> SafeString:
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    return markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{css}" role="img"'
        f' aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}"{ratio}>{body}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, tone: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' class="{"c-band" if tone == "band" else f"t-{tone}"}" fill="{TONES[tone]}"/>'
    )


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _bands(columns: Sequence[Column], frame: Frame) -> str:
    drawn = [
        f"M{frame.x(i):.1f} {frame.top:.1f}h{frame.slot:.1f}V{frame.bottom:.1f}h{-frame.slot:.1f}z"
        for i, column in enumerate(columns)
        if column.banded
    ]
    return f'<path class="c-band" fill="#ecf1f1" d="{"".join(drawn)}"/>' if drawn else ""


def _grid(ticks: Iterable[tuple[int, str]], frame: Frame, gap: float) -> str:
    right, lines, texts = frame.width - 8, "", ""
    for n, text in ticks:
        y = frame.zero - n * gap
        lines += f"M{frame.left:.1f} {y:.1f}H{right:.1f}"
        texts += f'<text x="{frame.left - 8:.1f}" y="{y + 4:.1f}">{text}</text>'
    return (
        f'<path class="c-grid" stroke="#dbe3e4" fill="none" d="{lines}"/>'
        f'<g class="c-text" fill="#5a686f" font-size="11.5" font-family="{FONT}"'
        f' text-anchor="end">{texts}</g>'
    )


def _series(columns: Sequence[Column], frame: Frame) -> str:
    solid, hollow, down = "", "", ""
    for i, column in enumerate(columns):
        if column.hollow:
            hollow += _column(frame, i, -column.up, inset=0.75)
        else:
            solid += _column(frame, i, -column.up)
        down += _column(frame, i, column.down)
    drawn = ""
    if solid:
        drawn += f'<path class="t-sales" fill="{TONES["sales"]}" d="{solid}"/>'
    if hollow:
        drawn += (
            f'<path class="c-today" fill="#dff1ee" stroke="{TONES["sales"]}"'
            f' stroke-width="1.5" d="{hollow}"/>'
        )
    if down:
        drawn += f'<path class="t-refunds" fill="{TONES["refunds"]}" d="{down}"/>'
    return drawn


def _column(frame: Frame, index: int, amount: int, inset: float = 0) -> str:
    """Trace one column from the axis: negative is up, and only its far corners are round."""
    tall = abs(amount) * frame.scale
    if tall < 0.5:  # noqa: PLR2004 - less than half a pixel is not a column
        return ""
    wide = frame.slot * 0.64 - 2 * inset
    r = min(RADIUS, tall, wide / 2)
    way = -1 if amount < 0 else 1
    x, y = frame.x(index) + frame.slot * 0.18 + inset, frame.zero + way
    side, far = (tall - r) * way, r * way
    return (
        f"M{x:.1f} {y:.1f}v{side:.1f}q0 {far:.1f} {r:.1f} {far:.1f}h{wide - 2 * r:.1f}"
        f"q{r:.1f} 0 {r:.1f} {-far:.1f}v{-side:.1f}z"
    )


def _axis(columns: Sequence[Column], frame: Frame) -> str:
    every = ceil(max(60, frame.width / 8) / frame.slot)
    texts = "".join(
        f'<text x="{frame.x(i) + frame.slot / 2:.1f}" y="{frame.bottom + 18:.1f}">'
        f"{escape(column.tick)}</text>"
        for i, column in enumerate(columns)
        if (len(columns) - 1 - i) % every == 0
    )
    return (
        f'<path class="c-axis" stroke="#7d8a90" fill="none"'
        f' d="M{frame.left:.1f} {frame.zero:.1f}H{frame.width - 8:.1f}"/>'
        f'<g class="c-text" fill="#5a686f" font-size="11.5" font-family="{FONT}"'
        f' text-anchor="middle">{texts}</g>'
    )


def _hits(columns: Sequence[Column], frame: Frame) -> str:
    """Lay an invisible target over each slot, so that hovering a gap still names the day."""
    tall = frame.bottom - frame.top
    targets = "".join(
        f'<rect x="{frame.x(i):.1f}" y="{frame.top:.1f}" width="{frame.slot:.1f}"'
        f' height="{tall:.1f}">{_title(column.title)}</rect>'
        for i, column in enumerate(columns)
        if column.title
    )
    return f'<g class="c-hit" fill="#000" fill-opacity="0">{targets}</g>' if targets else ""
