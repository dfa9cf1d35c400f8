"""What may be said about a serial number: the first verdict that matches, all evidence listed.

No check digit proves a serial genuine; only the maker's list and a key that has signed do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from terminals.fleet.models import SuspendReason, TerminalStatus
from terminals.fleet.rules.serials import model_by_prefix, plausible, same_model

RULE_VERSION = 1
PROOF_AGE = timedelta(hours=72)


class Verdict(TextChoices):
    """From the worst to the best: of several that fit, the first is given."""

    FORMAT_INVALID = "FORMAT_INVALID", gettext_lazy("Not a serial number")
    UNKNOWN = "UNKNOWN", gettext_lazy("Not in the register")
    DUPLICATE_RECORD = "DUPLICATE_RECORD", gettext_lazy("Recorded twice")
    RETIRED = "RETIRED", gettext_lazy("Out of service")
    MODEL_MISMATCH = "MODEL_MISMATCH", gettext_lazy("Model does not match")
    BOUND_ELSEWHERE = "BOUND_ELSEWHERE", gettext_lazy("Registered to another merchant")
    SUSPENDED = "SUSPENDED", gettext_lazy("Genuine, suspended")
    GENUINE_NOT_ACTIVATED = "GENUINE_NOT_ACTIVATED", gettext_lazy("Genuine, not activated")
    GENUINE_UNPROVEN = "GENUINE_UNPROVEN", gettext_lazy("Genuine, not proven lately")
    GENUINE = "GENUINE", gettext_lazy("Genuine, key proven")


ORDER = tuple(Verdict)
GOOD = frozenset({Verdict.GENUINE, Verdict.GENUINE_UNPROVEN, Verdict.GENUINE_NOT_ACTIVATED})

ADVICE: dict[Verdict, Promise] = {
    Verdict.FORMAT_INVALID: gettext_lazy(
        "No maker prints such a serial number. Read the label again and retype it."
    ),
    Verdict.UNKNOWN: gettext_lazy(
        "This serial number is not in the official register. Do not take payments on this device."
        " Not found does not mean fake: read the label again first."
    ),
    Verdict.DUPLICATE_RECORD: gettext_lazy(
        "Two makers claim this serial number. Do not take payments on this device until its"
        " label has been checked by hand."
    ),
    Verdict.RETIRED: gettext_lazy(
        "This terminal was taken out of service. It must not be used any more."
    ),
    Verdict.MODEL_MISMATCH: gettext_lazy(
        "The register knows this serial number as another model. Read the label again; if it"
        " says the same, do not use the device."
    ),
    Verdict.BOUND_ELSEWHERE: gettext_lazy(
        "This terminal is registered to another merchant. Do not take payments on it; ask"
        " whoever supplied it."
    ),
    Verdict.SUSPENDED: gettext_lazy(
        "The terminal is ours, but suspended: it cannot take payments until it is reinstated."
    ),
    Verdict.GENUINE_NOT_ACTIVATED: gettext_lazy(
        "The maker lists this serial number. Only the record speaks for it: the terminal has not"
        " been activated yet."
    ),
    Verdict.GENUINE_UNPROVEN: gettext_lazy(
        "The record is in order, but the terminal has not proven its key for 72 hours. Switch it"
        " on, then check again."
    ),
    Verdict.GENUINE: gettext_lazy(
        "The maker lists this serial number and the terminal has proven its key."
    ),
}


class Confidence(TextChoices):
    """How strong the strongest evidence is."""

    NONE = "NONE", gettext_lazy("No record")
    RECORD = "RECORD", gettext_lazy("Record only")
    KEY_SEEN = "KEY_SEEN", gettext_lazy("Record and signed heartbeat")


class Weight(TextChoices):
    """Which way a piece of evidence speaks."""

    FOR = "FOR", gettext_lazy("Speaks for it")
    AGAINST = "AGAINST", gettext_lazy("Speaks against it")


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """One line of a maker's list that carries the serial number asked about."""

    maker: str
    model: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class SerialFacts:
    """All that is known about a serial number; of its holder only whether it is the asker."""

    serial: str
    entries: tuple[RegisterEntry, ...] = ()
    stated_maker: str = ""
    stated_model: str = ""
    status: str = ""
    status_since: datetime | None = None
    suspended_reason: str = ""
    bound_elsewhere: bool = False
    has_key: bool = False
    last_proof_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for or against; ``private`` is not told to a stranger."""

    source: str
    code: str
    fact: str
    weight: Weight
    points_to: Verdict
    observed_at: datetime | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its confidence and everything that led to it."""

    serial: str
    verdict: Verdict
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    as_of: datetime
    rule_version: int = RULE_VERSION

    @property
    def good(self) -> bool:
        """Say whether the serial is genuine, proven or not."""
        return self.verdict in GOOD


def judge(facts: SerialFacts, *, now: datetime) -> Judgement:
    """Weigh the facts: whatever is added against a serial can only worsen the verdict."""
    found = [evidence for look in LOOKS for evidence in look(facts, now)]
    told = [e for e in found if not (e.private and facts.bound_elsewhere)]
    verdict = min((e.points_to for e in told), key=ORDER.index)
    return Judgement(facts.serial, verdict, _confidence(facts, now), tuple(told), now)


def _confidence(facts: SerialFacts, now: datetime) -> Confidence:
    if not facts.entries:
        return Confidence.NONE
    if _proven(facts, now) and not facts.bound_elsewhere:
        return Confidence.KEY_SEEN
    return Confidence.RECORD


def _proven(facts: SerialFacts, now: datetime) -> bool:
    heard = facts.last_proof_at
    return facts.has_key and heard is not None and now - heard <= PROOF_AGE


def _register(facts: SerialFacts, _now: datetime) -> Iterator[Evidence]:
    for entry in facts.entries:
        words = {"maker": entry.maker, "model": entry.model}
        yield Evidence(
            "register",
            "LISTED",
            _("Listed by %(maker)s as model %(model)s") % words,
            Weight.FOR,
            Verdict.GENUINE,
            entry.imported_at,
        )
    if len(facts.entries) > 1:
        yield Evidence(
            "register",
            "TWO_MAKERS",
            _("More than one maker lists this serial number"),
            Weight.AGAINST,
            Verdict.DUPLICATE_RECORD,
        )
    if not facts.entries and plausible(facts.serial):
        yield Evidence(
            "register",
            "NOT_LISTED",
            _("No maker lists this serial number"),
            Weight.AGAINST,
            Verdict.UNKNOWN,
        )
    elif not facts.entries:
        yield Evidence(
            "format",
            "NO_PATTERN",
            _("It does not look like any serial number"),
            Weight.AGAINST,
            Verdict.FORMAT_INVALID,
        )


def _label(facts: SerialFacts, _now: datetime) -> Iterator[Evidence]:
    if not facts.entries:
        return
    maker, model = facts.stated_maker.casefold(), facts.stated_model
    if (maker or model) and not any(
        (not maker or maker == e.maker.casefold()) and (not model or same_model(model, e.model))
        for e in facts.entries
    ):
        yield Evidence(
            "label",
            "STATED_OTHERWISE",
            _("The maker or model you stated is not the listed one"),
            Weight.AGAINST,
            Verdict.MODEL_MISMATCH,
        )
    for entry in facts.entries:
        named = model_by_prefix(entry.maker, facts.serial)
        if named and not same_model(named, entry.model):
            yield Evidence(
                "format",
                "PREFIX_OTHERWISE",
                _("The serial number begins like model %(model)s") % {"model": named},
                Weight.AGAINST,
                Verdict.MODEL_MISMATCH,
            )


def _holder(facts: SerialFacts, _now: datetime) -> Iterator[Evidence]:
    if facts.bound_elsewhere:
        yield Evidence(
            "fleet",
            "BOUND_ELSEWHERE",
            _("Registered to another merchant"),
            Weight.AGAINST,
            Verdict.BOUND_ELSEWHERE,
        )


def _lifecycle(facts: SerialFacts, _now: datetime) -> Iterator[Evidence]:
    if not facts.status and not facts.entries:
        return
    code, fact, points_to = _standing(facts)
    bad = points_to in (Verdict.RETIRED, Verdict.SUSPENDED)
    yield Evidence(
        "fleet",
        code,
        fact,
        Weight.AGAINST if bad else Weight.FOR,
        points_to,
        facts.status_since,
        private=points_to != Verdict.RETIRED,
    )


def _standing(facts: SerialFacts) -> tuple[str, str, Verdict]:
    if facts.status == TerminalStatus.RETIRED:
        return "RETIRED", _("Taken out of service"), Verdict.RETIRED
    if facts.status == TerminalStatus.SUSPENDED:
        reason = {"reason": SuspendReason(facts.suspended_reason).label}
        return "SUSPENDED", _("Suspended: %(reason)s") % reason, Verdict.SUSPENDED
    if facts.status == TerminalStatus.ACTIVE:
        return "ACTIVE", _("Active in our fleet"), Verdict.GENUINE
    return "NOT_ACTIVATED", _("Not activated in our fleet"), Verdict.GENUINE_NOT_ACTIVATED


def _proof(facts: SerialFacts, now: datetime) -> Iterator[Evidence]:
    if _proven(facts, now):
        yield Evidence(
            "key",
            "SIGNED",
            _("A heartbeat signed with its key was heard"),
            Weight.FOR,
            Verdict.GENUINE,
            facts.last_proof_at,
            private=True,
        )
    elif facts.status in (TerminalStatus.ACTIVE, TerminalStatus.SUSPENDED):
        yield Evidence(
            "key",
            "NOT_SIGNED",
            _("No signed heartbeat for 72 hours"),
            Weight.AGAINST,
            Verdict.GENUINE_UNPROVEN,
            facts.last_proof_at,
            private=True,
        )


Look = Callable[[SerialFacts, datetime], Iterator[Evidence]]
LOOKS: tuple[Look, ...] = (_register, _label, _holder, _lifecycle, _proof)
