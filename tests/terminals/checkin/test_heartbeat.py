"""Heartbeats: the contract, the conversation, what a lost answer and a second device look like."""

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from django.utils import timezone

from portal.audit.models import AuditEntry
from terminals.checkin.rules.conversation import Position, Verdict, judge
from terminals.checkin.schema import HEARTBEAT
from terminals.fleet.models import Terminal
from terminals.management.simulator.device import Device
from terminals.presence.models import IngestWatermark, LinkEvent, Liveness
from terminals.presence.rules import next_poll_seconds
from tests.cast import Cast
from tests.device import activate, refusals, send, signed_in

CONTRACT = json.loads(Path(__file__).with_name("heartbeat.schema.json").read_text("utf-8"))
database = pytest.mark.django_db(databases=["default", "owner"])


@pytest.fixture
def device(cast: Cast) -> Device:
    """A terminal of Noodle House in use."""
    return activate("A1041000", merchant=cast.noodle, store=cast.noodle_store)


FULL: dict[str, Any] = {
    "v": 1,
    "msg_id": "0" * 32,
    "seq": 1,
    "boot_count": 0,
    "uptime_s": 0,
    "sent_at": "2026-11-20T12:00:00+08:00",
    "challenge": "A" * 22,
    "reason": "boot",
    "power": {
        "source": "battery", "battery_pct": 55, "charging": False, "battery_temp_c": 31.5,
        "battery_mv": 7400, "battery_cycles": 120,
    },
    "net": {
        "type": "4g", "rssi_dbm": -80, "rtt_ms": 60, "failures_since_last": 0,
        "iccid_sha256": "a" * 64, "cell": {"mcc": 460, "mnc": 0, "lac": 1, "cid": 2},
    },
    "loc": {
        "lat": 31.2, "lon": 121.4, "acc_m": 12, "datum": "GCJ02", "source": "gnss",
        "at": "2026-11-20T04:00:00Z",
    },
    "hw": {
        "printer": "ok", "keypad": "ok", "pinpad": "ok", "display": "ok", "reader_mag": "ok",
        "reader_icc": "fault", "reader_nfc": "absent", "storage_free_mib": 900, "cpu_pct": 12,
        "mag_reads": 900, "mag_read_errors": 3, "printed_mm": 12000,
    },
    "sec": {
        "tamper": "none", "tamper_flags": ["case_open"], "rooted": False,
        "unlisted_apps": [{"package": "com.example", "sha256": "b" * 64}],
        "key_slots": [{"slot": 1, "type": "TMK", "kcv": "A1B2C3"}],
    },
    "sw": {"firmware": "2.4.1", "app": "5.0.3", "config_version": 12},
    "biz": {
        "signed_in": True, "batch_no": 7, "unsettled_txns": 3, "unsent_txns": 0,
        "last_txn_at": "2026-11-20T11:59:00+08:00",
    },
    "acks": [{"id": "c-1", "state": "failed", "code": "E1", "detail": "no paper"}],
    "faults": [{"code": "P-7", "at": "2026-11-20T11:00:00+08:00", "count": 2}],
    "offline_sign_ins": [
        {"at": "2026-11-20T08:00:00+08:00", "code": "NETWORK_TIMEOUT", "operator_no": "21"}
    ],
}  # fmt: skip
ODD: tuple[Any, ...] = (None, True, "", "x", "A" * 700, -1, 0, 101, 10**12, 1.5, [], {}, [1], "0")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, part in inner:
        found.append((*path, name))
        if isinstance(part, dict | list):
            found.extend(_places(part, (*path, name)))
    return found


def _changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    message = copy.deepcopy(FULL)
    inner: Any = message
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return message


def _dropped(path: tuple[Any, ...]) -> dict[str, Any]:
    message = copy.deepcopy(FULL)
    inner: Any = message
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return message


def _we_take(message: dict[str, Any]) -> bool:
    try:
        HEARTBEAT.decode(json.dumps(message).encode())
    except msgspec.ValidationError:
        return False
    return True


def test_we_take_exactly_what_the_contract_takes() -> None:
    contract = jsonschema.Draft202012Validator(CONTRACT)
    messages = [FULL, *(_dropped(path) for path in _places(FULL))]
    messages += [_changed(path, odd) for path in _places(FULL) for odd in ODD]
    messages += [_changed((*path, "more"), 1) for path in [(), ("power",), ("net", "cell")]]
    moments = {"sent_at", "at", "last_txn_at"}
    unlike = [
        message
        for message in messages
        if _we_take(message) != contract.is_valid(message)
        # the contract leaves the form of a moment to a checker that it does not name
        and all(isinstance(message.get(name, ""), str) for name in moments)
        and json.dumps(message).count("2026-11-20T") == json.dumps(FULL).count("2026-11-20T")
    ]

    assert len(messages) > 900
    assert unlike == []


@pytest.mark.parametrize("moment", ["2026-11-20", "2026-11-20T12:00:00", "noon", 1795150000])
def test_a_moment_without_a_zone_is_refused(moment: object) -> None:
    assert not _we_take(FULL | {"sent_at": moment})


def test_a_number_too_large_for_any_database_is_refused() -> None:
    assert not _we_take(FULL | {"seq": 2**63})


def test_the_next_heartbeats_spread_by_a_tenth_and_never_come_too_soon() -> None:
    dice = random.Random(7)
    polls = [next_poll_seconds(300, f"{dice.getrandbits(128):032x}") for _ in range(2000)]

    assert (min(polls), max(polls)) == (270, 330)
    assert 295 < sum(polls) / len(polls) < 305
    assert next_poll_seconds(10, "f" * 32) == 30


OURS = Position(seq=7, challenge="now", message_id="m7", boot_count=3, uptime_seconds=500)
NEXT = Position(seq=8, challenge="now", message_id="m8", boot_count=3, uptime_seconds=800)


@pytest.mark.parametrize(
    ("case", "said", "verdict", "code"),
    [
        ("the next one", NEXT, "NEXT", ""),
        ("after a reboot", replace(NEXT, boot_count=4, uptime_seconds=1), "NEXT", ""),
        ("a lost answer", replace(OURS, challenge="before"), "REPEATED", ""),
        ("a replay of the last", replace(OURS), "FORK", "REPLAYED"),
        ("an older one", replace(OURS, seq=3, challenge="old"), "FORK", "REPLAYED"),
        ("a number left out", replace(NEXT, seq=9), "FORK", "CHALLENGE_STALE"),
        ("another message in its place", replace(NEXT, seq=7, challenge="before"), "FORK",
         "REPLAYED"),
        ("a foreign challenge", replace(NEXT, challenge="mine"), "FORK", "CHALLENGE_STALE"),
        ("no challenge yet", replace(NEXT, challenge=""), "FORK", "CHALLENGE_STALE"),
        ("boots going back", replace(NEXT, boot_count=2), "FORK", "REPLAYED"),
        ("uptime going back", replace(NEXT, uptime_seconds=499), "FORK", "REPLAYED"),
        ("an id used twice", replace(NEXT, message_id="m7"), "FORK", "REPLAYED"),
    ],
)  # fmt: skip
def test_a_heartbeat_is_judged(case: str, said: Position, verdict: str, code: str) -> None:
    judgement = judge(OURS, "before", said)

    assert (case, judgement.verdict, judgement.code) == (case, verdict, code)


class Talk:
    """Both sides of a conversation without a network in between, which then loses things."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.server = Position(0, "c0", "", 0, 0)
        self.previous = ""
        self.said = Position(1, "c0", "m1", 0, 0)
        self.verdicts: list[Verdict] = []

    def step(self, *, loss: float) -> None:
        """Say one heartbeat; either way may be lost, and the device may restart."""
        if self.dice.random() < loss:
            return
        judgement = judge(self.server, self.previous, self.said)
        self.verdicts.append(judgement.verdict)
        if judgement.verdict is Verdict.NEXT:
            self.previous = self.server.challenge
            self.server = replace(self.said, challenge=f"c{self.said.seq}")
        if self.dice.random() < loss or judgement.verdict is Verdict.FORK:
            return
        rebooted = self.dice.random() < 0.1
        self.said = Position(
            seq=self.said.seq + 1,
            challenge=self.server.challenge,
            message_id=f"{self.dice.getrandbits(64):016x}",
            boot_count=self.said.boot_count + rebooted,
            uptime_seconds=0 if rebooted else self.said.uptime_seconds + 300,
        )


@pytest.mark.parametrize("loss", [0, 0.2, 0.5, 0.8])
def test_no_loss_of_messages_looks_like_a_second_device(loss: float) -> None:
    talk = Talk(random.Random(41))
    for _ in range(5000):
        talk.step(loss=loss)

    assert Verdict.FORK not in talk.verdicts
    assert talk.verdicts.count(Verdict.NEXT) > 100


@pytest.mark.parametrize("seed", range(20))
def test_a_copy_of_key_and_memory_is_found_within_a_few_beats(seed: int) -> None:
    dice = random.Random(seed)
    talk = Talk(dice)
    for _ in range(50):
        talk.step(loss=0.2)
    clone = Talk(dice)
    clone.said = talk.said
    beats = 0
    while Verdict.FORK not in talk.verdicts + clone.verdicts:
        beats += 1
        for one, other in ((talk, clone), (clone, talk)):
            one.step(loss=0.2)
            other.server, other.previous = one.server, one.previous

    assert beats <= 9


@database
def test_a_heartbeat_is_answered_and_kept(device: Device) -> None:
    reply = send(device.heartbeat())

    assert reply.status == 200
    assert set(reply.body) == {
        "v", "server_time", "clock_skew_ms", "next_challenge", "next_poll_s", "session",
        "desired", "commands", "more", "notices",
    }  # fmt: skip
    assert reply.body["session"] == {"state": "signed_out", "expires_at": None}
    assert 270 <= reply.body["next_poll_s"] <= 330
    row = Liveness.objects.get()
    assert (row.seq, row.link, row.challenge) == (1, "ONLINE", reply.body["next_challenge"])
    assert row.said["net"] == {"type": "4g", "rssi_dbm": -71, "rtt_ms": 48}
    assert IngestWatermark.objects.get().last_any_at is not None


@database
def test_a_lost_answer_is_given_again_and_nothing_changes(device: Device) -> None:
    request = device.heartbeat()
    first = send(request)
    before = Liveness.objects.values().get()

    second = send(request)

    assert (second.status, second.body) == (200, first.body)
    assert Liveness.objects.values().get() == before
    assert refusals() == []


@database
def test_a_replayed_heartbeat_is_refused_and_leaves_evidence(device: Device) -> None:
    old = device.heartbeat()
    device.learn_heartbeat(send(old))
    device.learn_heartbeat(send(device.heartbeat()))
    before = Liveness.objects.values().get()

    reply = send(old)

    assert (reply.status, reply.code) == (409, "REPLAYED")
    assert "challenge" not in reply.body
    assert Liveness.objects.values().get() == before
    assert refusals() == [("device.fork_seen", "TERMINAL", {"why": "old challenge"})]


@database
def test_two_devices_with_one_key_are_noticed(device: Device) -> None:
    clone = copy.copy(device)
    clone.dice = random.Random("clone")
    device.learn_heartbeat(send(device.heartbeat()))

    reply = send(clone.heartbeat())

    assert (reply.status, reply.code) == (409, "REPLAYED")
    assert refusals() == [("device.fork_seen", "TERMINAL", {"why": "two messages in one place"})]


@database
def test_a_device_that_is_stuck_does_not_fill_the_log(device: Device) -> None:
    for _ in range(25):
        send(device.heartbeat(challenge="B" * 22))

    assert AuditEntry.objects.filter(event="device.fork_seen").count() == 20


@database
def test_the_answer_says_how_the_day_stands_and_what_to_show(cast: Cast) -> None:
    device = signed_in("A1041000", merchant=cast.noodle, store=cast.noodle_store)
    hardware = {"printer": "paper_low", "keypad": "ok", "pinpad": "fault"}
    power = {"source": "battery", "battery_pct": 9}

    reply = send(device.heartbeat(hw=hardware, power=power), language="zh")

    assert reply.body["session"]["state"] == "signed_in"
    assert reply.body["notices"] == [
        {"code": "PART_FAULT", "text": "设备部件故障：密码键盘。"},
        {"code": "BATTERY_LOW", "text": "电量不足，请接通电源。"},
        {"code": "PAPER_LOW", "text": "打印纸将用完。"},
    ]
    row = Liveness.objects.get()
    assert (row.interval_seconds, row.grace_seconds) == (900, 1800)


@database
def test_a_suspended_terminal_is_heard_and_told_so(device: Device) -> None:
    Terminal.objects.update(
        status="SUSPENDED", suspended_at=timezone.now(), suspended_reason="RISK"
    )

    reply = send(device.heartbeat())

    assert [notice["code"] for notice in reply.body["notices"]] == ["TERMINAL_SUSPENDED"]
    assert Terminal.objects.get().status == "SUSPENDED"


@database
def test_a_retired_terminal_is_not_heard_and_contact_moves_nothing(device: Device) -> None:
    Terminal.objects.update(status="RETIRED")
    before = Liveness.objects.values().get()

    reply = send(device.heartbeat())

    assert (reply.status, reply.code) == (403, "TERMINAL_NOT_ACTIVE")
    assert Liveness.objects.values().get() == before
    assert Terminal.objects.get().status == "RETIRED"


@database
def test_being_heard_again_is_an_event_and_being_heard_is_none(device: Device) -> None:
    device.learn_heartbeat(send(device.heartbeat()))
    Liveness.objects.update(link="OFFLINE")

    send(device.heartbeat())

    events = LinkEvent.objects.order_by("epoch").values_list("old_link", "new_link", "cause")
    assert list(events) == [("NEVER", "ONLINE", "message"), ("OFFLINE", "ONLINE", "beat")]
