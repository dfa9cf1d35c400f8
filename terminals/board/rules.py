"""What the fleet pages draw: a day of heartbeats, a month of sign-ins, the last words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from portal.kit.charts import Beat, BeatState
from terminals.presence.models import Link

C = TypeVar("C", bound=TextChoices)

# The columns of the fleet list in their order; what is not usual must be chosen.
COLUMNS = (
    "serial", "terminal_no", "merchant", "store", "status", "link", "sign_in", "model",
    "battery", "network", "firmware",
)  # fmt: skip
ALWAYS = ("serial", "status", "link")
NOT_USUAL = ("terminal_no",)

CELLS = 48
STRIP = timedelta(hours=24)
DAYS = 30

STATES: dict[str, BeatState] = {
    Link.NEVER: "none",
    Link.ONLINE: "ok",
    Link.LATE: "late",
    Link.OFFLINE: "missing",
    Link.MISSING: "missing",
}
WORST_LAST = (Link.NEVER, Link.ONLINE, Link.LATE, Link.OFFLINE, Link.MISSING)


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which a terminal's link changed."""

    at: datetime
    was: str
    became: str


@dataclass(frozen=True, slots=True)
class Span:
    """One cell of the strip: half an hour, and the worst link in it."""

    began_at: datetime
    ended_at: datetime
    link: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try to sign in for a business day."""

    on: date
    at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the sign-in calendar: ok, failed, missed or none."""

    on: date
    state: str
    title: str = ""


class Network(TextChoices):
    """How a terminal reaches us."""

    ETHERNET = "ethernet", _("Ethernet")
    WIFI = "wifi", "Wi-Fi"
    G2 = "2g", "2G"
    G3 = "3g", "3G"
    G4 = "4g", "4G"
    G5 = "5g", "5G"
    PHONE = "bluetooth_phone", _("Through a phone")
    DIAL_UP = "dialup", _("Dial-up")


class PrinterState(TextChoices):
    """What the printer says of itself."""

    OK = "ok", _("in order")
    PAPER_LOW = "paper_low", _("paper runs low")
    PAPER_OUT = "paper_out", _("out of paper")
    OVERHEAT = "overheat", _("too hot")
    FAULT = "fault", _("faulty")
    ABSENT = "absent", _("none built in")


class Hardware(TextChoices):
    """The parts that a terminal tests."""

    PRINTER = "printer", _("Printer")
    KEYPAD = "keypad", _("Keypad")
    PINPAD = "pinpad", _("PIN pad")
    DISPLAY = "display", _("Display")
    STRIPE = "reader_mag", _("Magnetic stripe reader")
    CHIP = "reader_icc", _("Chip reader")
    CONTACTLESS = "reader_nfc", _("Contactless reader")


@dataclass(frozen=True, slots=True)
class Said:
    """What a terminal reported of itself in its last heartbeat; None or "" where it did not."""

    battery_percent: int | None = None
    charging: bool = False
    on_mains: bool = False
    network: Network | None = None
    signal_dbm: int | None = None
    firmware: str = ""
    app: str = ""
    printer: PrinterState | None = None
    faults: tuple[Hardware, ...] = ()
    unsent: int | None = None


def shown_columns(chosen: Iterable[str], *, staff: bool) -> dict[str, bool]:
    """Say of each column whether it is shown; without a choice, the usual ones are."""
    picked = set(chosen) & set(COLUMNS)
    keys = {*picked, *ALWAYS} if picked else set(COLUMNS) - set(NOT_USUAL)
    return {key: key in keys and (staff or key != "merchant") for key in COLUMNS}


def strip(changes: Sequence[Change], *, link: str, until: datetime) -> list[Span]:
    """Divide the last 24 hours into half hours, each with the worst link it saw.

    ``changes`` are in order of time and all within the strip; ``link`` is the link now.
    """
    width = STRIP / CELLS
    began = until - STRIP
    held = changes[0].was if changes else link
    left = list(changes)
    spans = []
    for place in range(CELLS):
        start, end = began + place * width, began + (place + 1) * width
        seen = [held]
        while left and left[0].at < end:
            held = left.pop(0).became
            seen.append(held)
        spans.append(Span(start, end, max(seen, key=WORST_LAST.index)))
    return spans


def beats(spans: Iterable[Span], titles: Iterable[str]) -> list[Beat]:
    """Turn the strip into what the chart draws."""
    return [Beat(STATES[span.link], title) for span, title in zip(spans, titles, strict=True)]


def month(tries: Iterable[Try], *, today: date, since: date | None) -> list[Day]:
    """Say of each of the last 30 days whether the terminal signed in; oldest first.

    Before ``since``, the day it became active, no sign-in was owed; nor is today's missed yet.
    """
    by_day: dict[date, set[str]] = {}
    for one in tries:
        by_day.setdefault(one.on, set()).add(one.code)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return [Day(on, _state(by_day.get(on), on, today, since)) for on in days]


def _state(codes: set[str] | None, on: date, today: date, since: date | None) -> str:
    if codes:
        return "ok" if "OK" in codes else "failed"
    owed = since is not None and since <= on < today
    return "missed" if owed else "none"


def read_said(said: Mapping[str, object]) -> Said:
    """Pick what the pages show out of the last heartbeat as it was said."""
    power, net, software = _part(said, "power"), _part(said, "net"), _part(said, "sw")
    hardware, business = _part(said, "hw"), _part(said, "biz")
    return Said(
        battery_percent=_number(power, "battery_pct"),
        charging=power.get("charging") is True,
        on_mains=power.get("source") == "mains",
        network=_known(Network, _word(net, "type")),
        signal_dbm=_number(net, "rssi_dbm"),
        firmware=_word(software, "firmware"),
        app=_word(software, "app"),
        printer=_known(PrinterState, _word(hardware, "printer")),
        faults=tuple(part for part in Hardware if hardware.get(part.value) == "fault"),
        unsent=_number(business, "unsent_txns"),
    )


def _known(words: type[C], word: str) -> C | None:
    return words(word) if word in words.values else None


def _part(said: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = said.get(name)
    return part if isinstance(part, Mapping) else {}


def _word(part: Mapping[str, object], name: str) -> str:
    word = part.get(name)
    return word if isinstance(word, str) else ""


def _number(part: Mapping[str, object], name: str) -> int | None:
    number = part.get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) else None
