"""The condition of a device: what keeps it from trading, and what its user should know."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LOW_BATTERY_PERCENT = 15
BROKEN = ("fault", "overheat")

PARTS: dict[str, Promise] = {
    "printer": _("printer"),
    "keypad": _("keypad"),
    "pinpad": _("PIN pad"),
    "display": _("display"),
    "reader": _("card reader"),
    "reader_mag": _("magnetic stripe reader"),
    "reader_icc": _("chip reader"),
    "reader_nfc": _("contactless reader"),
}

# In order of urgency: (code, words)
PAPER_LOW = ("PAPER_LOW", _("The printer's paper is running out."))
PAPER_OUT = ("PAPER_OUT", _("The printer has no paper."))
BATTERY_LOW = ("BATTERY_LOW", _("The battery is low. Connect the power supply."))
PART_FAULT = ("PART_FAULT", _("A part of the device is faulty: %(parts)s."))
SUSPENDED = ("TERMINAL_SUSPENDED", _("The terminal is suspended. Contact us."))


def faulty_parts(tested: Mapping[str, Any]) -> list[str]:
    """Return the parts that a self-test found broken; absent parts and paper are none."""
    return [part for part in PARTS if tested.get(part) in BROKEN]


def names_of(parts: list[str]) -> str:
    """Name parts in the reader's language."""
    return " / ".join(str(PARTS[part]) for part in parts)


def is_battery_low(percent: int | None, *, charging: bool) -> bool:
    """Say whether the battery would not last: under 15 % and not charging."""
    return percent is not None and percent < LOW_BATTERY_PERCENT and not charging


def notices_for(
    hardware: Mapping[str, Any], power: Mapping[str, Any], *, suspended: bool
) -> list[tuple[str, str]]:
    """Return what to show to the person at the terminal: codes and words."""
    found: list[tuple[str, str]] = []
    if suspended:
        found.append(_said(SUSPENDED))
    if parts := faulty_parts(hardware):
        found.append((PART_FAULT[0], str(PART_FAULT[1]) % {"parts": names_of(parts)}))
    low = is_battery_low(power.get("battery_pct"), charging=bool(power.get("charging")))
    if low and power.get("source") == "battery":
        found.append(_said(BATTERY_LOW))
    paper = {"paper_low": PAPER_LOW, "paper_out": PAPER_OUT}.get(str(hardware.get("printer")))
    if paper:
        found.append(_said(paper))
    return found


def _said(notice: tuple[str, Promise]) -> tuple[str, str]:
    return notice[0], str(notice[1])
