"""The heartbeat and its answer, decoded with msgspec, and published in the API's schema.

The fields are those of the protocol's JSON Schema; units are in the names.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from portal.api_schema import HotEndpoint
from terminals.authentication.schema import hot_refusals

LARGEST = 2**53 - 1  # what every JSON reader keeps exactly

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Moment = Annotated[datetime, Meta(tz=True)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
MessageId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Challenge = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22,44}$")]
Word = Annotated[str, Meta(max_length=40)]
Version = Annotated[str, Meta(max_length=64)]
Part = Literal["ok", "fault", "absent"]
Printer = Literal["ok", "paper_low", "paper_out", "overheat", "fault", "absent"]


class Power(Struct, forbid_unknown_fields=True, frozen=True):
    """Where the current comes from."""

    source: Literal["mains", "battery"]
    battery_pct: Percent | UnsetType = UNSET
    charging: bool | UnsetType = UNSET
    battery_temp_c: Annotated[float, Meta(ge=-40, le=100)] | UnsetType = UNSET
    battery_mv: Annotated[int, Meta(ge=0, le=60000)] | UnsetType = UNSET
    battery_cycles: Count | UnsetType = UNSET


class Cell(Struct, forbid_unknown_fields=True, frozen=True):
    """The radio cell the terminal is in."""

    mcc: Annotated[int, Meta(ge=0, le=999)]
    mnc: Annotated[int, Meta(ge=0, le=999)]
    lac: Count
    cid: Count


class Net(Struct, forbid_unknown_fields=True, frozen=True):
    """How the terminal reaches us."""

    type: Literal["ethernet", "wifi", "2g", "3g", "4g", "5g", "bluetooth_phone", "dialup"]
    rssi_dbm: Annotated[int, Meta(ge=-150, le=0)] | UnsetType = UNSET
    rtt_ms: Annotated[int, Meta(ge=0, le=600000)] | UnsetType = UNSET
    failures_since_last: Count | UnsetType = UNSET
    iccid_sha256: Sha256 | UnsetType = UNSET
    cell: Cell | UnsetType = UNSET


class Place(Struct, forbid_unknown_fields=True, frozen=True):
    """Where the terminal says it is."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    acc_m: Annotated[float, Meta(ge=0)]
    datum: Literal["WGS84", "GCJ02"]
    at: Moment
    source: Literal["gnss", "wifi", "cell", "manual"] | UnsetType = UNSET


class Hardware(Struct, forbid_unknown_fields=True, frozen=True):
    """The parts and their counters."""

    printer: Printer
    keypad: Part
    pinpad: Part
    display: Part | UnsetType = UNSET
    reader_mag: Part | UnsetType = UNSET
    reader_icc: Part | UnsetType = UNSET
    reader_nfc: Part | UnsetType = UNSET
    storage_free_mib: Count | UnsetType = UNSET
    cpu_pct: Percent | UnsetType = UNSET
    mag_reads: Count | UnsetType = UNSET
    mag_read_errors: Count | UnsetType = UNSET
    printed_mm: Count | UnsetType = UNSET


class App(Struct, forbid_unknown_fields=True, frozen=True):
    """A program that is not on the list of allowed ones."""

    package: Annotated[str, Meta(max_length=200)]
    sha256: Sha256


class KeySlot(Struct, forbid_unknown_fields=True, frozen=True):
    """The check value of a key in the pin pad, never the key."""

    slot: Annotated[int, Meta(ge=0, le=255)]
    type: Literal["TMK", "PIK", "MAK", "TDK", "DUKPT"]
    kcv: Annotated[str, Meta(pattern="^[0-9A-F]{4,8}$")]


class Security(Struct, forbid_unknown_fields=True, frozen=True):
    """Signs of tampering."""

    tamper: Literal["none", "suspect", "tripped"]
    tamper_flags: (
        Annotated[
            list[
                Literal[
                    "case_open",
                    "mesh",
                    "voltage",
                    "temperature",
                    "key_erase",
                    "firmware_signature",
                    "debug_port",
                ]
            ],
            Meta(max_length=16),
        ]
        | UnsetType
    ) = UNSET
    rooted: bool | UnsetType = UNSET
    unlisted_apps: Annotated[list[App], Meta(max_length=32)] | UnsetType = UNSET
    key_slots: Annotated[list[KeySlot], Meta(max_length=32)] | UnsetType = UNSET


class Software(Struct, forbid_unknown_fields=True, frozen=True):
    """What runs on the terminal."""

    firmware: Version
    app: Version
    config_version: Count


class Business(Struct, forbid_unknown_fields=True, frozen=True):
    """Where the terminal's own day stands."""

    signed_in: bool | UnsetType = UNSET
    batch_no: Annotated[int, Meta(ge=0, le=999999)] | UnsetType = UNSET
    unsettled_txns: Count | UnsetType = UNSET
    unsent_txns: Count | UnsetType = UNSET
    last_txn_at: Moment | UnsetType = UNSET


class Ack(Struct, forbid_unknown_fields=True, frozen=True):
    """What became of a command."""

    id: Annotated[str, Meta(max_length=36)]
    state: Literal["accepted", "succeeded", "failed", "try_later", "rejected"]
    code: Word | UnsetType = UNSET
    detail: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class Fault(Struct, forbid_unknown_fields=True, frozen=True):
    """A fault that the terminal noticed."""

    code: Word
    at: Moment
    count: Annotated[int, Meta(ge=1, le=LARGEST)] | UnsetType = UNSET


class OfflineSignIn(Struct, forbid_unknown_fields=True, frozen=True):
    """A sign-in that failed before it could reach us."""

    at: Moment
    code: Literal[
        "NETWORK_UNREACHABLE", "NETWORK_TIMEOUT", "TLS_FAILED", "BATTERY_LOW", "DEVICE_FAULT"
    ]
    operator_no: Annotated[str, Meta(max_length=4)] | UnsetType = UNSET


class Heartbeat(Struct, forbid_unknown_fields=True, frozen=True):
    """A terminal says that it lives, and how. ``msg_id`` is saved before sending."""

    v: Literal[1]
    msg_id: MessageId
    seq: Annotated[int, Meta(ge=1, le=LARGEST)]
    boot_count: Count
    uptime_s: Count
    sent_at: Moment
    challenge: Challenge
    power: Power
    net: Net
    hw: Hardware
    sec: Security
    sw: Software
    reason: (
        Literal["periodic", "boot", "sign_in", "config_changed", "fault", "tamper", "wake"]
        | UnsetType
    ) = UNSET
    loc: Place | UnsetType = UNSET
    biz: Business | UnsetType = UNSET
    acks: Annotated[list[Ack], Meta(max_length=32)] | UnsetType = UNSET
    faults: Annotated[list[Fault], Meta(max_length=32)] | UnsetType = UNSET
    offline_sign_ins: Annotated[list[OfflineSignIn], Meta(max_length=20)] | UnsetType = UNSET


class SessionState(Struct, frozen=True):
    """Whether the terminal is signed in for the business day."""

    state: Literal["signed_in", "signed_out", "expired"]
    expires_at: datetime | None = None


class Notice(Struct, frozen=True):
    """Something to show to the person at the terminal."""

    code: str
    text: str


class HeartbeatReply(Struct, frozen=True):
    """What the terminal is told: the next challenge, when to come again, what to do."""

    v: int
    server_time: str
    clock_skew_ms: int
    next_challenge: str
    next_poll_s: int
    session: SessionState
    desired: dict[str, Any]
    commands: list[dict[str, Any]]
    more: bool
    notices: list[Notice]


HEARTBEAT: "msgspec.json.Decoder[Heartbeat]" = msgspec.json.Decoder(Heartbeat)

ENDPOINTS = [
    HotEndpoint(
        path="/api/device/v1/heartbeat",
        summary="A terminal says that it lives. A repeated message gets its first answer again.",
        request=Heartbeat,
        responses={
            "200": ("Taken, or taken before: the same answer", HeartbeatReply),
            **hot_refusals("CHALLENGE_STALE", "REPLAYED", "TERMINAL_NOT_ACTIVE"),
        },
    )
]
