"""One line of a history file: strictly read, or refused with the field and the reason.

Nothing of a refused line is ever repeated: it might be a card number.
"""

import base64
import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from portal.kit import money
from portal.kit.ids import ALPHABET
from portal.kit.pan import LONGEST, SHORTEST, find_card_numbers, passes_luhn
from transactions.records.models import (
    MONEY_IN,
    MONEY_OUT,
    CardType,
    EntryMode,
    Kind,
    Method,
    Status,
)
from transactions.risk.models import LabelValue

SHANGHAI = ZoneInfo("Asia/Shanghai")
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
REQUIRED = (
    "external_id", "occurred_at", "card_token", "terminal_serial", "merchant_code", "amount",
    "currency", "type", "status",
)  # fmt: skip
OPTIONAL = (
    "mcc", "card_type", "entry_mode", "response_code", "lat", "lon", "operator", "method", "rrn",
)  # fmt: skip
LABEL_COLUMNS = ("external_id", "label", "known_at", "source")
ENTRY_WORDS = {
    "CHIP": EntryMode.CHIP,
    "CONTACTLESS": EntryMode.CONTACTLESS,
    "NFC": EntryMode.CONTACTLESS,
    "MAGSTRIPE": EntryMode.MAGSTRIPE,
    "SWIPE": EntryMode.MAGSTRIPE,
    "STRIPE": EntryMode.MAGSTRIPE,
    "MANUAL": EntryMode.MANUAL,
    "KEYED": EntryMode.MANUAL,
    "QR": EntryMode.QR,
    "ONLINE": EntryMode.ONLINE,
    "ECOMMERCE": EntryMode.ONLINE,
}
CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
WITHOUT_SIGNS = str.maketrans("", "", "_.:-")
CARD_NUMBER_LENGTHS = range(SHORTEST, LONGEST + 1)


class _CardNumber(ValueError):
    """A cell holds a full card number."""


class Unfit(ValueError):
    """A line that cannot be taken in: the field that is wrong, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One transaction of a history file, ready to be stored; amounts in minor units."""

    external_id: str
    occurred_at: datetime
    business_date: date
    card_token: str
    serial: str
    merchant_code: str
    amount_minor: int
    net_minor: int
    currency: str
    kind: str
    status: str
    method: str
    card_type: str
    entry_mode: str
    response_code: str
    mcc: str
    operator_no: str
    lat: str
    lon: str
    rrn: str
    row_sha256: bytes
    reference: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What one transaction turned out to be, and when that became known."""

    external_id: str
    label: str
    known_at: datetime
    source: str


Reader = Callable[[str], str]


def _pattern(expression: str) -> Reader:
    fits = re.compile(expression, re.ASCII).fullmatch

    def read(text: str) -> str:
        if not fits(text):
            raise ValueError
        return text

    return read


def _word(words: Mapping[str, str]) -> Reader:
    def read(text: str) -> str:
        return words[text.upper()]

    return read


def _codes(codes: Sequence[str]) -> dict[str, str]:
    return {code: code for code in codes}


def _free(expression: str) -> Reader:
    """Read a text that is wide enough to hide a card number in."""
    shape = _pattern(expression)

    def read(text: str) -> str:
        if len(text) >= SHORTEST and find_card_numbers(text):
            raise _CardNumber
        return shape(text)

    return read


def _token(text: str) -> str:
    digits = text.replace("-", "").replace(" ", "")
    if digits.isdigit() and len(digits) in CARD_NUMBER_LENGTHS and passes_luhn(digits):
        raise _CardNumber
    return _token_shape(text)


def _external_id(text: str) -> str:
    """Among letters a run of digits is chance: one in some thousand hashes would be refused."""
    if text.translate(WITHOUT_SIGNS).isdigit() and find_card_numbers(text):
        raise _CardNumber
    return _id_shape(text)


def _degrees(limit: int) -> Reader:
    shape = _pattern(r"-?\d{1,3}(\.\d{1,12})?")

    def read(text: str) -> str:
        value = round(float(shape(text)), 6)
        if abs(value) > limit:
            raise ValueError
        return f"{value:.6f}"

    return read


_token_shape = _free(r"[A-Za-z0-9_.:~+/=-]{1,64}")
_currency = _pattern("|".join(money.MINOR_DIGITS))
_kind = _word(_codes(Kind.values))
_status = _word(_codes(Status.values))
_id_shape = _pattern(r"[A-Za-z0-9_.:-]{1,64}")
READERS: dict[str, tuple[Reader, str]] = {
    "external_id": (_external_id, "must be 1 to 64 letters, digits or _.:-"),
    "card_token": (_token, "must be 1 to 64 characters of a token"),
    "terminal_serial": (_free(r"[A-Za-z0-9_.-]{1,50}"), "must be a serial number"),
    "merchant_code": (_free(r"[A-Za-z0-9_.-]{1,20}"), "must be a merchant number"),
    "currency": (_currency, "is not a currency taken here"),
    "type": (_kind, "is not a kind of transaction"),
    "status": (_status, "must be approved, declined or reversed"),
}
OPTIONAL_READERS: dict[str, tuple[Reader, str]] = {
    "mcc": (_pattern(r"\d{4}"), "must be four digits"),
    "card_type": (_word(_codes(CardType.values)), "must be debit, credit or prepaid"),
    "entry_mode": (_word(ENTRY_WORDS), "is not a way to read a card"),
    "response_code": (_pattern(r"[A-Za-z0-9]{1,4}"), "must be 1 to 4 letters or digits"),
    "lat": (_degrees(90), "must be degrees between -90 and 90"),
    "lon": (_degrees(180), "must be degrees between -180 and 180"),
    "operator": (_pattern(r"\d{1,4}"), "must be 1 to 4 digits"),
    "method": (_word(_codes(Method.values)), "is not a method of payment"),
    "rrn": (_pattern(r"[A-Za-z0-9]{12}"), "must be 12 letters or digits"),
}


def read_header(line: str, *, required: Sequence[str]) -> list[str]:
    """Return the names of the columns.

    :raises Unfit: if one that must be there is missing, or one comes twice
    """
    names = [name.strip().lower() for name in read_cells(line)]
    missing = [name for name in required if name not in names]
    if missing:
        raise Unfit("header", f"lacks {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise Unfit("header", "names a column twice")
    return names


def read_cells(line: str) -> list[str]:
    """Split one line; a quote left open spoils its own line alone.

    :raises Unfit: if it is not one line of CSV
    """
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration) as broken:
        raise Unfit("line", "is not one line of CSV") from broken


def read_row(
    line: str, header: Sequence[str], *, workspace: str, latest: datetime, keyed: Reader
) -> HistoryRow:
    """Read one line of transactions; ``keyed`` turns a card's token into what is kept of it.

    :raises Unfit: if any of it is not as agreed
    """
    cells = _cells_of(line, header)
    values = _texts(cells)
    values["card_token"] = keyed(values["card_token"])
    occurred_at = _moment(cells, "occurred_at", latest=latest)
    amount = _amount(cells, values["currency"])
    body = [occurred_at.isoformat(), str(amount), *values.values()]
    return HistoryRow(
        external_id=values["external_id"],
        occurred_at=occurred_at,
        business_date=occurred_at.astimezone(SHANGHAI).date(),
        card_token=values["card_token"],
        serial=values["terminal_serial"],
        merchant_code=values["merchant_code"],
        amount_minor=amount,
        net_minor=net_of(values["type"], values["status"], amount),
        currency=values["currency"],
        kind=values["type"],
        status=values["status"],
        method=values["method"] or Method.CARD.value,
        card_type=values["card_type"],
        entry_mode=values["entry_mode"],
        response_code=values["response_code"].upper(),
        mcc=values["mcc"],
        operator_no=values["operator"],
        lat=values["lat"] if values["lon"] else "",
        lon=values["lon"] if values["lat"] else "",
        rrn=values["rrn"].upper(),
        row_sha256=sha256("\x1f".join(body).encode()).digest(),
        reference=_reference(workspace, values["external_id"]),
    )


def _texts(cells: Mapping[str, str]) -> dict[str, str]:
    must = {name: _read(cells, name, *rule) for name, rule in READERS.items()}
    return must | {
        name: _read(cells, name, *rule) if cells.get(name) else ""
        for name, rule in OPTIONAL_READERS.items()
    }


def _reference(workspace: str, external_id: str) -> str:
    identity = sha256(f"{workspace}\x1f{external_id}".encode()).digest()
    return base64.b32encode(identity[:10]).decode().translate(CROCKFORD)


def read_label(line: str, header: Sequence[str], *, latest: datetime) -> LabelRow:
    """Read one line of labels.

    :raises Unfit: if any of it is not as agreed
    """
    cells = _cells_of(line, header)
    known = _word(_codes(LabelValue.values))
    return LabelRow(
        external_id=_read(cells, "external_id", *READERS["external_id"]),
        label=_read(cells, "label", known, "must be fraud, genuine or unclear"),
        known_at=_moment(cells, "known_at", latest=latest + timedelta(days=366)),
        source=_read(cells, "source", _free(r"[\w .:-]{0,32}"), "must be 32 letters at most"),
    )


def net_of(kind: str, status: str, amount_minor: int) -> int:
    """Return what a transaction does to the merchant's takings, in minor units."""
    if status != Status.APPROVED:
        return 0
    return amount_minor if kind in MONEY_IN else -amount_minor if kind in MONEY_OUT else 0


def _cells_of(line: str, header: Sequence[str]) -> dict[str, str]:
    cells = read_cells(line)
    if len(cells) != len(header):
        raise Unfit("line", f"has {len(cells)} cells, not {len(header)}")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _read(cells: Mapping[str, str], name: str, reader: Reader, why: str) -> str:
    try:
        return str(reader(cells[name]))
    except _CardNumber as given:
        raise Unfit(name, "is a card number") from given
    except (ValueError, KeyError) as broken:
        raise Unfit(name, why) from broken


def _moment(cells: Mapping[str, str], name: str, *, latest: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(cells[name])
        offset = at.utcoffset()
    except ValueError as broken:
        raise Unfit(name, "is not an ISO 8601 time") from broken
    if offset is None:
        raise Unfit(name, "has no offset from UTC")
    if not OLDEST <= at <= latest:
        raise Unfit(name, "lies outside the years taken in")
    return at.astimezone(UTC)


def _amount(cells: Mapping[str, str], currency: str) -> int:
    try:
        minor = money.parse(cells["amount"], currency).minor
    except money.NotAnAmount as broken:
        raise Unfit("amount", "is not a plain decimal of this currency") from broken
    if minor <= 0:
        raise Unfit("amount", "must be more than nothing")
    return minor
