"""Which transactions are asked for: query parameters in, one frozen filter out.

The same words serve the list, its summary, the chips, the file and the command. A value that
makes no sense is named and left out; nothing else is lost.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from portal.kit import money
from portal.kit.pan import find_card_numbers
from transactions.records.models import CardType, EntryMode, Kind, Method, Status

DEFAULT_DAYS = 31
LONGEST_DAYS = 3660
LONGEST_WORD = 200
EARLIEST = date(2000, 1, 1)

CHOICES: dict[str, Sequence[str]] = {
    "status": Status.values,
    "kind": Kind.values,
    "method": Method.values,
    "card_type": CardType.values,
    "entry_mode": EntryMode.values,
}
NAMES = ("terminal", "store", "merchant", "operator")
PARAMETERS = (*CHOICES, *NAMES, "period", "from", "to", "min", "max", "q")
# What people type in the one box, and the parameter it stands for.
WORDS = {
    **{name: name for name in (*CHOICES, *NAMES, "from", "to", "min", "max")},
    "card": "card_type",
    "entry": "entry_mode",
    "last": "period",
    "serial": "terminal",
    "type": "kind",
}
KEYS = ("rrn", "ref", "reference", "last4")
PERIOD = re.compile(r"([1-9]\d{0,3})d", re.ASCII)
OPERATION = re.compile(r"([A-Za-z_]+):(\S+)")
AMOUNTS = re.compile(r"(>=|<=|>|<)?([^.<>]+(?:\.\d+)?)(?:\.\.([^.<>]+(?:\.\d+)?))?")
NAME = re.compile(r"[\w.:-]{1,50}")
FOUR_DIGITS = re.compile(r"\*{0,15}\d{4}", re.ASCII)
RRN = re.compile(r"\d{12}", re.ASCII)
AMOUNT_WORD = re.compile(r"[1-9]\d{0,5}|[¥￥][\d,]+|[¥￥]?[\d,]+\.\d{1,2}", re.ASCII)
CODE = re.compile(r"[A-Za-z0-9-]{5,50}", re.ASCII)


class Problem(StrEnum):
    """Why a value of the query could not be used."""

    NOT_A_DATE = "NOT_A_DATE"
    NOT_A_PERIOD = "NOT_A_PERIOD"
    NOT_AN_AMOUNT = "NOT_AN_AMOUNT"
    NOT_A_CHOICE = "NOT_A_CHOICE"
    NOT_A_NAME = "NOT_A_NAME"
    NOT_A_KEY = "NOT_A_KEY"
    REVERSED = "REVERSED"
    TWICE = "TWICE"
    FULL_CARD_NUMBER = "FULL_CARD_NUMBER"


@dataclass(frozen=True, slots=True)
class Filter:
    """Transactions between two days (both in, Shanghai) that pass every test given.

    An empty tuple, an empty string and None test nothing. ``code`` is a public reference or
    a terminal's serial number, whichever there is.
    """

    since: date | None = None
    until: date | None = None
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    card_types: tuple[str, ...] = ()
    entry_modes: tuple[str, ...] = ()
    terminal: str = ""
    store: str = ""
    merchant: str = ""
    operator: str = ""
    min_minor: int | None = None
    max_minor: int | None = None
    rrn: str = ""
    last4: str = ""
    code: str = ""
    references: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether it names one record, so that no period need bound it."""
        return bool(self.rrn or self.code or self.references)

    @property
    def rolls_up(self) -> bool:
        """Whether daily totals can answer for it: only days, kind, status and merchant."""
        bare = replace(self, since=None, until=None, statuses=(), kinds=(), merchant="")
        return bare == Filter()


@dataclass(frozen=True, slots=True)
class Asked:
    """A query understood: the filter, its canonical parameters, and what was not usable."""

    filter: Filter
    parameters: tuple[tuple[str, str], ...] = ()
    problems: Mapping[str, tuple[Problem, str]] = field(default_factory=dict)


def parse(query: Mapping[str, Sequence[str]], *, today: date) -> Asked:
    """Understand a query; ``today`` is the day in Shanghai."""
    reading = _Reading()
    free = _spread(query, reading)
    for name in CHOICES:
        reading.choose(name)
    for name in NAMES:
        reading.name(name)
    reading.money("min")
    reading.money("max")
    reading.days(today)
    reading.keys(free)
    return reading.asked(today)


def _spread(query: Mapping[str, Sequence[str]], reading: "_Reading") -> list[str]:
    """Sort values to their parameters, and the operators of the box to theirs."""
    for name in PARAMETERS:
        if name != "q":
            reading.values[name] = [text.strip() for text in query.get(name, ()) if text.strip()]
    free = []
    box = " ".join(query.get("q", ()))[:LONGEST_WORD].strip()
    if find_card_numbers(box):
        reading.blame("q", Problem.FULL_CARD_NUMBER, "")
        return []
    for word in box.split():
        operation = OPERATION.fullmatch(word)
        if operation is None:
            free.append(word)
        elif operation[1].lower() in KEYS:
            free.append(operation[2])
        else:
            reading.operate(operation[1].lower(), operation[2])
    return free


class _Reading:
    """A query while it is being understood."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.problems: dict[str, tuple[Problem, str]] = {}
        self.parts: dict[str, object] = {}
        self.pairs: list[tuple[str, str]] = []

    def blame(self, name: str, problem: Problem, text: str) -> None:
        """Keep the first thing wrong with a parameter."""
        self.problems.setdefault(name, (problem, text[:50]))

    def keep(self, parameter: str, text: str, **parts: object) -> None:
        """Take a value over, with the way it is written in an address."""
        self.pairs.append((parameter, text))
        self.parts.update(parts)

    def operate(self, word: str, value: str) -> None:
        """Mirror one operator of the search box to its parameter."""
        if word == "amount":
            self._amounts(value)
        elif word in WORDS:
            self.values[WORDS[word]].append(value)
        else:
            self.blame("q", Problem.NOT_A_KEY, f"{word}:")

    def _amounts(self, text: str) -> None:
        """Read >1000, <=500, 100..200 or 12.50 as bounds; strict ones move by one fen."""
        found = AMOUNTS.fullmatch(text)
        low = _minor(found[2]) if found else None
        if found is None or low is None or (found[1] and found[3]):
            self.blame("q", Problem.NOT_AN_AMOUNT, text)
            return
        sign = found[1] or ""
        high = _minor(found[3]) if found[3] else low
        if high is None:
            self.blame("q", Problem.NOT_AN_AMOUNT, text)
            return
        step = 0 if sign.endswith("=") or not sign else 1
        if not sign.startswith("<"):
            self.values["min"].append(money.plain(low + step))
        if not sign.startswith(">"):
            self.values["max"].append(money.plain(high - step))

    def choose(self, name: str) -> None:
        """Take over the codes of a closed list."""
        codes = {text.upper() for text in self.values[name]}
        for unknown in sorted(codes - set(CHOICES[name])):
            self.blame(name, Problem.NOT_A_CHOICE, unknown)
        known = tuple(sorted(codes & set(CHOICES[name])))
        self.pairs += [(name, code) for code in known]
        self.parts[f"{name}es" if name == "status" else f"{name}s"] = known

    def name(self, name: str) -> None:
        """Take over the code of one thing."""
        text = self._only(name)
        if not text:
            return
        if not NAME.fullmatch(text):
            self.blame(name, Problem.NOT_A_NAME, text)
            return
        self.keep(name, text, **{name: text})

    def money(self, name: str) -> None:
        """Take over a bound of the amount."""
        text = self._only(name)
        if not text:
            return
        minor = _minor(text)
        if minor is None:
            self.blame(name, Problem.NOT_AN_AMOUNT, text)
            return
        self.keep(name, money.plain(minor).removesuffix(".00"), **{f"{name}_minor": minor})

    def days(self, today: date) -> None:
        """Take over the days: a period wins over dates, because it is one clear choice."""
        period = self._only("period").lower()
        found = PERIOD.fullmatch(period)
        if period == "today":
            self.keep("period", period, since=today, until=today)
        elif found:
            days = min(int(found[1]), LONGEST_DAYS)
            since = today - timedelta(days=days - 1)
            self.keep("period", f"{days}d", since=since, until=today)
        else:
            if period:
                self.blame("period", Problem.NOT_A_PERIOD, period)
            self._dates()

    def _dates(self) -> None:
        since, until = self._date("from"), self._date("to")
        if since and until and since > until:
            self.blame("to", Problem.REVERSED, until.isoformat())
            until = None
        pairs = (("from", since), ("to", until))
        self.pairs += [(name, on.isoformat()) for name, on in pairs if on]
        self.parts.update(since=since, until=until)

    def keys(self, free: Iterable[str]) -> None:
        """Take over what was typed plainly: each word by its shape."""
        words = []
        for word in free:
            found = _key(word)
            if found is None:
                self.blame("q", Problem.NOT_A_KEY, word)
            elif set(found) & {name for name, value in self.parts.items() if value is not None}:
                self.blame("q", Problem.TWICE, word)
            else:
                self.parts.update(found)
                words.append(word)
        if words:
            self.pairs.append(("q", " ".join(words)))

    def asked(self, today: date) -> Asked:
        """Close the reading; without days or an exact key the last month is meant."""
        wanted = Filter(**self.parts)  # type: ignore[arg-type]
        if not wanted.is_exact and not (wanted.since or wanted.until):
            since = today - timedelta(days=DEFAULT_DAYS - 1)
            wanted = replace(wanted, since=since, until=today)
        return Asked(wanted, tuple(sorted(set(self.pairs))), self.problems)

    def _only(self, name: str) -> str:
        values = self.values[name]
        if len(set(values)) > 1:
            self.blame(name, Problem.TWICE, values[-1])
        return values[-1] if values else ""

    def _date(self, name: str) -> date | None:
        text = self._only(name)
        if not text:
            return None
        try:
            on = date.fromisoformat(text)
        except ValueError:
            on = date.min
        if on < EARLIEST:
            self.blame(name, Problem.NOT_A_DATE, text)
            return None
        return on


def _minor(text: str) -> int | None:
    """Read an amount as people write it (¥1,000.50), positive, in fen."""
    bare = text.strip().lstrip("¥￥").replace(",", "")
    try:
        minor = money.parse(bare).minor
    except money.NotAnAmount:
        return None
    return minor if minor >= 0 else None


def _key(word: str) -> dict[str, object] | None:
    """Tell by its shape what a word in the box looks for."""
    if FOUR_DIGITS.fullmatch(word):
        return {"last4": word[-4:]}
    if RRN.fullmatch(word):
        return {"rrn": word}
    if AMOUNT_WORD.fullmatch(word):
        minor = _minor(word)
        return {"min_minor": minor, "max_minor": minor}
    if CODE.fullmatch(word):
        return {"code": word}
    return None
