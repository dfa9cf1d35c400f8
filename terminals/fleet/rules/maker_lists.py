"""Reading a maker's list of serial numbers (CSV): every line is taken or says why not."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.kit.pan import find_card_numbers
from terminals.fleet.rules.serials import read_serial, split_list, tidy, well_formed

NAMES = {
    "maker": "maker manufacturer vendor brand 厂商 制造商 生产厂商 厂家 品牌",
    "model": "model modelno modelnumber 型号 机型 设备型号 终端型号 机具型号",
    "serial": "serial serialno serialnumber sn 序列号 设备序列号 终端序列号 机具序列号 机身号",
    "tusn": "tusn 银联21号文编号 21号文编号 银联终端唯一序列号 终端唯一序列号",
}
COLUMNS = {name: column for column, names in NAMES.items() for name in names.split()}
MUST = ("maker", "model", "serial")
LONGEST_WORD = 40
LONGEST_SHOWN = 60
TUSN = re.compile(r"[A-Z0-9]{8,50}")
# A card number has at least 13 digits: cells with fewer need no closer look.
FEWEST_DIGITS = 13
MANY_DIGITS = re.compile(rf"(?:[0-9][^0-9A-Za-z]{{0,2}}){{{FEWEST_DIGITS}}}")
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
NAMED = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 BOM", "utf-16": "UTF-16", "gb18030": "GBK"}
ZIP = b"PK\x03\x04"


class RemarkCode(TextChoices):
    """Why a line was refused, or flagged although it was taken."""

    BROKEN = "BROKEN", _("Not one line of CSV: a quotation mark may stand alone")
    BAD_SERIAL = "BAD_SERIAL", _("Not a serial number: 1 to 50 letters, digits and dashes")
    NO_MAKER = "NO_MAKER", _("The maker is missing or longer than 40 characters")
    NO_MODEL = "NO_MODEL", _("The model is missing or longer than 40 characters")
    BAD_TUSN = "BAD_TUSN", _("Not a TUSN: 8 to 50 letters and digits")
    CARD_NUMBER = "CARD_NUMBER", _("Holds a card number; the line is not kept")
    DUPLICATE = "DUPLICATE", _("The same serial number stands earlier in the file")
    TUSN_TWICE = "TUSN_TWICE", _("The same TUSN stands earlier in the file")
    TUSN_TAKEN = "TUSN_TAKEN", _("The TUSN belongs to another serial number in the register")
    TWO_MAKERS = "TWO_MAKERS", _("Taken, but two makers claim this serial number")
    CHANGED = "CHANGED", _("Taken; the register said otherwise")


FLAGS = (RemarkCode.TWO_MAKERS, RemarkCode.CHANGED)
BY_REGISTER = (RemarkCode.TUSN_TAKEN, *FLAGS)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said about one line; ``cell`` is what stood there, shortened."""

    line: int
    code: RemarkCode
    cell: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One good line of a maker's list."""

    line: int
    maker: str
    model: str
    serial: str
    tusn: str


@dataclass(frozen=True, slots=True)
class _Line:
    """The cells of one line; those of a line that is no CSV are guessed, to name it by."""

    number: int
    cells: list[str]
    is_whole: bool = True


@dataclass(slots=True)
class MakerList:
    """A list as read: its encoding, the good lines, and what is wrong with the others."""

    encoding: str
    entries: list[Entry] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class Unreadable(ValueError):
    """The file as a whole is no list of serial numbers."""


class NotText(Unreadable):
    """The file is a workbook, a picture or otherwise no text."""


class MissingColumns(Unreadable):
    """The heading lacks columns that every list must have."""

    def __init__(self, columns: list[str]) -> None:
        super().__init__(", ".join(columns))
        self.columns = columns


class EmptyList(Unreadable):
    """There is no line under the heading."""


def explain(bad: Unreadable) -> str:
    """Say in words why a file is no list of serial numbers."""
    if isinstance(bad, MissingColumns):
        return gettext("The heading lacks: %(columns)s.") % {"columns": ", ".join(bad.columns)}
    if isinstance(bad, EmptyList):
        return gettext("There is no line under the heading.")
    if isinstance(bad, NotText) and str(bad) == "workbook":
        return gettext("This is a workbook. Save it as CSV, then choose that file.")
    return gettext("The file is not text in UTF-8 or GBK.")


def read_list(content: bytes, *, maker: str = "") -> MakerList:
    """Read a maker's list; ``maker`` names the maker where the file does not.

    :raises NotText: if it is not text in UTF-8, UTF-16 or GBK
    :raises MissingColumns: if a column that must be there is not
    :raises EmptyList: if nothing stands under the heading
    """
    text, encoding = _decode(content)
    rows = _rows(text)
    heading = next(rows, _Line(1, []))
    place = _places(heading.cells, maker=maker)
    found = MakerList(NAMED[encoding])
    seen = _Seen()
    for row in rows:
        entry = _entry(row.number, row.cells, place, maker)
        code = _complaint(entry, row) or seen.complaint(entry)
        if code:
            found.remarks.append(Remark(row.number, code, _shown(entry, code)))
        else:
            found.entries.append(seen.keep(entry))
    if not found.entries and not found.remarks:
        raise EmptyList(encoding)
    return found


def read_serials(content: bytes) -> list[str]:
    """Read only the serials out of a list: a column of that name, or every word there is.

    :raises NotText: if it is not text in UTF-8, UTF-16 or GBK
    """
    text, _encoding = _decode(content)
    rows = [row.cells for row in _rows(text)]
    names = [_name(cell) for cell in rows[0]] if rows else []
    at = next((place for place, name in enumerate(names) if COLUMNS.get(name) == "serial"), None)
    if at is None:
        return split_list(text)
    column = (tidy(cells[at]) for cells in rows[1:] if at < len(cells))
    return [read_serial(cell) for cell in column if cell]


def _decode(content: bytes) -> tuple[str, str]:
    """Return the text and the encoding it is in."""
    if content.startswith(ZIP):
        raise NotText("workbook")
    marked = next((name for mark, name in MARKS if content.startswith(mark)), "")
    for encoding in [marked] if marked else ["utf-8", "gb18030"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise NotText("bytes")


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _places(heading: list[str], *, maker: str) -> dict[str, int]:
    names = [_name(cell) for cell in heading]
    place = {COLUMNS[name]: at for at, name in reversed(list(enumerate(names))) if name in COLUMNS}
    missing = [c for c in MUST if c not in place and not (c == "maker" and maker)]
    if missing:
        raise MissingColumns(missing)
    return place


def _name(cell: str) -> str:
    return re.sub(r"[\s_.-]", "", tidy(cell)).casefold()


def _rows(text: str) -> Iterator[_Line]:
    """Split a list line by line, so that a quotation mark left open spoils its own line alone."""
    heading, _sep, _rest = text.lstrip().partition("\n")
    mark = _delimiter(heading)
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        row = _line(number, line.rstrip("\n"), mark)
        if any(row.cells):
            yield row


def _line(number: int, line: str, mark: str) -> _Line:
    if '"' not in line:
        return _Line(number, line.split(mark))
    try:
        return _Line(number, next(csv.reader([line], delimiter=mark, strict=True)))
    except csv.Error:
        return _Line(number, line.replace('"', "").split(mark), is_whole=False)


def _entry(line: int, cells: list[str], place: dict[str, int], maker: str) -> Entry:
    def cell(column: str) -> str:
        at = place.get(column, len(cells))
        return tidy(cells[at]) if at < len(cells) else ""

    return Entry(
        line=line,
        maker=" ".join((cell("maker") or maker).split()),
        model=" ".join(cell("model").split()),
        serial=read_serial(cell("serial")),
        tusn=read_serial(cell("tusn")),
    )


def _complaint(entry: Entry, row: _Line) -> RemarkCode | None:
    if any(_holds_card_number(cell) for cell in row.cells):
        return RemarkCode.CARD_NUMBER
    if not (row.is_whole and well_formed(entry.serial)):
        return RemarkCode.BAD_SERIAL if row.is_whole else RemarkCode.BROKEN
    if not 0 < len(entry.maker) <= LONGEST_WORD:
        return RemarkCode.NO_MAKER
    if not 0 < len(entry.model) <= LONGEST_WORD:
        return RemarkCode.NO_MODEL
    if entry.tusn and not TUSN.fullmatch(entry.tusn):
        return RemarkCode.BAD_TUSN
    return None


def _holds_card_number(cell: str) -> bool:
    if len(cell) < FEWEST_DIGITS or not MANY_DIGITS.search(tidy(cell)):
        return False
    return bool(find_card_numbers(cell))


def _shown(entry: Entry, code: RemarkCode) -> str:
    return "" if code is RemarkCode.CARD_NUMBER else entry.serial[:LONGEST_SHOWN]


@dataclass(slots=True)
class _Seen:
    """What stood earlier in the file."""

    makers: dict[str, str] = field(default_factory=dict)
    serials: set[tuple[str, str]] = field(default_factory=set)
    tusns: set[str] = field(default_factory=set)

    def complaint(self, entry: Entry) -> RemarkCode | None:
        if (entry.maker.casefold(), entry.serial) in self.serials:
            return RemarkCode.DUPLICATE
        if entry.tusn in self.tusns:
            return RemarkCode.TUSN_TWICE
        return None

    def keep(self, entry: Entry) -> Entry:
        """Remember a good line; one maker keeps one spelling throughout the file."""
        folded = entry.maker.casefold()
        spelling = self.makers.setdefault(folded, entry.maker)
        self.serials.add((folded, entry.serial))
        if entry.tusn:
            self.tusns.add(entry.tusn)
        if spelling == entry.maker:
            return entry
        return Entry(entry.line, spelling, entry.model, entry.serial, entry.tusn)
