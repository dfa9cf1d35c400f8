"""The verdict on a serial number, as a rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminals.fleet.models import SuspendReason, TerminalStatus
from terminals.fleet.rules.verdict import (
    ADVICE,
    ORDER,
    Confidence,
    RegisterEntry,
    SerialFacts,
    Verdict,
    judge,
)

NOW = datetime.fromisoformat("2026-11-20T12:00:00+08:00")
HEARD, STALE = NOW - timedelta(hours=1), NOW - timedelta(hours=73)
PAX = RegisterEntry("PAX", "A920", NOW)
LANDI = RegisterEntry("Landi", "E350", NOW)
ACTIVE = SerialFacts(
    "0820000001", (PAX,), status="ACTIVE", status_since=NOW, has_key=True, last_proof_at=HEARD
)
SUSPENDED = replace(ACTIVE, status="SUSPENDED", suspended_reason="RISK")

CASES: list[tuple[str, SerialFacts, Verdict, Confidence]] = [
    ("no shape", SerialFacts("???"), Verdict.FORMAT_INVALID, Confidence.NONE),
    ("too short", SerialFacts("A1"), Verdict.FORMAT_INVALID, Confidence.NONE),
    ("no digit", SerialFacts("ABCDEFGH"), Verdict.FORMAT_INVALID, Confidence.NONE),
    ("not listed", SerialFacts("0820000001"), Verdict.UNKNOWN, Confidence.NONE),
    (
        "an odd shape that is listed",
        SerialFacts("A1", (PAX,)),
        Verdict.GENUINE_NOT_ACTIVATED,
        Confidence.RECORD,
    ),
    (
        "ours but never listed",
        replace(ACTIVE, entries=()),
        Verdict.UNKNOWN,
        Confidence.NONE,
    ),
    (
        "two makers",
        replace(ACTIVE, entries=(PAX, LANDI)),
        Verdict.DUPLICATE_RECORD,
        Confidence.KEY_SEEN,
    ),
    ("retired", replace(ACTIVE, status="RETIRED"), Verdict.RETIRED, Confidence.KEY_SEEN),
    (
        "stated model",
        replace(ACTIVE, stated_model="A930"),
        Verdict.MODEL_MISMATCH,
        Confidence.KEY_SEEN,
    ),
    (
        "stated maker",
        replace(ACTIVE, stated_maker="Landi"),
        Verdict.MODEL_MISMATCH,
        Confidence.KEY_SEEN,
    ),
    (
        "a prefix of another model",
        replace(ACTIVE, serial="1850000001"),
        Verdict.MODEL_MISMATCH,
        Confidence.KEY_SEEN,
    ),
    (
        "the model spelt otherwise",
        replace(ACTIVE, stated_maker="pax", stated_model="a-920"),
        Verdict.GENUINE,
        Confidence.KEY_SEEN,
    ),
    (
        "another merchant's",
        replace(ACTIVE, bound_elsewhere=True),
        Verdict.BOUND_ELSEWHERE,
        Confidence.RECORD,
    ),
    ("suspended", SUSPENDED, Verdict.SUSPENDED, Confidence.KEY_SEEN),
    (
        "in no fleet",
        SerialFacts("0820000001", (PAX,)),
        Verdict.GENUINE_NOT_ACTIVATED,
        Confidence.RECORD,
    ),
    *(
        (
            status,
            SerialFacts("0820000001", (PAX,), status=status),
            Verdict.GENUINE_NOT_ACTIVATED,
            Confidence.RECORD,
        )
        for status in ("REGISTERED", "ALLOCATED", "ENROLLED")
    ),
    (
        "silent for three days",
        replace(ACTIVE, last_proof_at=STALE),
        Verdict.GENUINE_UNPROVEN,
        Confidence.RECORD,
    ),
    (
        "its key revoked",
        replace(ACTIVE, has_key=False),
        Verdict.GENUINE_UNPROVEN,
        Confidence.RECORD,
    ),
    ("active and heard", ACTIVE, Verdict.GENUINE, Confidence.KEY_SEEN),
]


@pytest.mark.parametrize(
    ("facts", "verdict", "confidence"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_each_case_has_its_verdict(
    facts: SerialFacts, verdict: Verdict, confidence: Confidence
) -> None:
    judgement = judge(facts, now=NOW)

    assert (judgement.verdict, judgement.confidence) == (verdict, confidence)
    assert judgement.as_of == NOW
    assert verdict in [evidence.points_to for evidence in judgement.evidence]


def test_every_verdict_can_be_reached_and_has_its_advice() -> None:
    assert {case[2] for case in CASES} == set(Verdict)
    assert set(ADVICE) == set(Verdict)


def test_exactly_at_72_hours_the_proof_still_holds() -> None:
    facts = replace(ACTIVE, last_proof_at=NOW - timedelta(hours=72))

    assert judge(facts, now=NOW).verdict == Verdict.GENUINE
    later = judge(facts, now=NOW + timedelta(seconds=1))
    assert later.verdict == Verdict.GENUINE_UNPROVEN


def test_all_evidence_is_listed_not_only_what_decided() -> None:
    facts = replace(SUSPENDED, entries=(PAX, LANDI), stated_model="Q20L", last_proof_at=None)

    judgement = judge(facts, now=NOW)

    assert judgement.verdict == Verdict.DUPLICATE_RECORD
    assert [evidence.code for evidence in judgement.evidence] == [
        "LISTED",
        "LISTED",
        "TWO_MAKERS",
        "STATED_OTHERWISE",
        "SUSPENDED",
        "NOT_SIGNED",
    ]


def test_a_stranger_is_told_that_it_is_bound_elsewhere_and_nothing_of_its_life() -> None:
    judgement = judge(replace(SUSPENDED, bound_elsewhere=True), now=NOW)

    assert [evidence.code for evidence in judgement.evidence] == ["LISTED", "BOUND_ELSEWHERE"]


BAD: dict[str, Callable[[SerialFacts], SerialFacts]] = {
    "a second maker": lambda f: replace(f, entries=(*f.entries, LANDI)) if f.entries else f,
    "struck off the register": lambda f: replace(f, entries=()),
    "retired": lambda f: replace(f, status="RETIRED", suspended_reason=""),
    "suspended": lambda f: (
        replace(f, status="SUSPENDED", suspended_reason="RISK") if f.status == "ACTIVE" else f
    ),
    "another model on the label": lambda f: replace(f, stated_model="QX-99"),
    "another maker on the label": lambda f: replace(f, stated_maker="Nobody"),
    "bound elsewhere": lambda f: replace(f, bound_elsewhere=True),
    "key revoked": lambda f: replace(f, has_key=False),
    "silent": lambda f: replace(f, last_proof_at=None),
    "silent for long": lambda f: replace(f, last_proof_at=STALE),
}
STATUSES = ["", *TerminalStatus.values]


@st.composite
def facts_of_any_kind(draw: st.DrawFn) -> SerialFacts:
    """Any facts that can be true together."""
    status = draw(st.sampled_from(STATUSES))
    reason = draw(st.sampled_from(SuspendReason.values)) if status == "SUSPENDED" else ""
    return SerialFacts(
        serial=draw(st.sampled_from(["0820000001", "1850000001", "A1", "??", "N9A012132"])),
        entries=draw(st.sampled_from([(), (PAX,), (LANDI,), (LANDI, PAX)])),
        stated_maker=draw(st.sampled_from(["", "PAX", "pax", "Landi"])),
        stated_model=draw(st.sampled_from(["", "A920", "A 920", "E350"])),
        status=status,
        suspended_reason=reason,
        bound_elsewhere=draw(st.booleans()),
        has_key=draw(st.booleans()),
        last_proof_at=draw(st.sampled_from([None, HEARD, STALE])),
    )


@given(facts_of_any_kind(), st.lists(st.sampled_from(sorted(BAD)), min_size=1, max_size=4))
def test_bad_evidence_never_improves_the_verdict(facts: SerialFacts, added: list[str]) -> None:
    before = ORDER.index(judge(facts, now=NOW).verdict)
    for name in added:
        facts = BAD[name](facts)
        after = ORDER.index(judge(facts, now=NOW).verdict)

        assert after <= before, name
        before = after


@given(facts_of_any_kind())
def test_genuine_means_active_and_nothing_against_it(facts: SerialFacts) -> None:
    judgement = judge(facts, now=NOW)

    if judgement.verdict == Verdict.GENUINE:
        assert facts.status == "ACTIVE"
        assert {evidence.weight.value for evidence in judgement.evidence} == {"FOR"}
