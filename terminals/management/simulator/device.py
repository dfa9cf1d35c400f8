"""One fake terminal: its key, its memory, and the messages it signs.

It knows the protocol from outside and nothing of the portal's inside, so it also serves as
the client of the tests.
"""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from terminals.authentication.signature import sign, write_public_key

PREFIX = "/api/device/v1/"
TAGS = {
    "activate": "pos-activate-1",
    "sign-in": "pos-signin-1",
    "sign-out": "pos-signout-1",
    "heartbeat": "pos-hb-1",
    "transactions": "pos-txn-1",
    "transactions/batch": "pos-batch-1",
}
HEALTHY = {"printer": "ok", "keypad": "ok", "pinpad": "ok", "reader_mag": "ok", "reader_icc": "ok"}
NEW = "new"


@dataclass(frozen=True, slots=True)
class Request:
    """A signed message, ready to be sent any number of times."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; status 0 means that nothing did."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The code of a refusal, or the status of what was taken."""
        return str(self.body.get("code", "")) if self.status >= 400 else ""  # noqa: PLR2004


class Device:
    """A fake terminal. ``origin`` is the portal's address, ``clock`` its own."""

    def __init__(
        self, serial: str, *, origin: str, clock: Callable[[], datetime], seed: str
    ) -> None:
        self.serial, self.origin, self.clock = serial, origin.rstrip("/"), clock
        self.dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
        self.keyid = NEW
        self.challenge = ""
        self.seq = 0
        self.batch_no = 0
        self.trace_no = 0
        self.session_id = ""
        self.started_at = clock()
        self.waiting: Request | None = None

    @property
    def public_key(self) -> str:
        """The key's public half as text."""
        return write_public_key(self.key.public_key().public_bytes_raw())

    def new_id(self) -> str:
        """Draw an id for a message: 32 hexadecimal characters."""
        return f"{self.dice.getrandbits(128):032x}"

    def signed(self, door: str, message: Any, *, tag: str = "", created: int = 0) -> Request:
        """Sign a message for a door; bytes are sent as they are."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = sign(
            self.key,
            method="POST",
            target=f"{self.origin}{PREFIX}{door}",
            body=body,
            keyid=self.keyid,
            tag=tag or TAGS[door],
            created=created or int(self.clock().timestamp()),
        )
        headers["Content-Type"] = "application/json"
        return Request(PREFIX + door, headers, body)

    def activation(self, code: str, **changes: Any) -> Request:
        """Ask to be enrolled."""
        message = {
            "v": 1,
            "msg_id": self.new_id(),
            "serial": self.serial,
            "code": code,
            "public_key": self.public_key,
            "self_test": HEALTHY,
        }
        return self.signed("activate", message | changes)

    def learn_activation(self, reply: Reply) -> None:
        """Keep what activation taught."""
        self.keyid = str(reply.body["key_id"])
        self.challenge = str(reply.body["challenge"])

    def sign_in(self, operator_no: str, password: str, **changes: Any) -> Request:
        """Ask to be signed in for the day."""
        message = {
            "signin_id": self.new_id(),
            "operator_no": operator_no,
            "password": password,
            "self_test": HEALTHY,
            "challenge": self.challenge,
            "sent_at": self.clock().isoformat(),
            "battery_pct": 80,
            "charging": False,
            "batch_no": self.batch_no,
        }
        if not self.batch_no:
            del message["batch_no"]
        return self.signed("sign-in", message | changes)

    def learn_sign_in(self, reply: Reply) -> None:
        """Keep what signing in taught; a new batch counts its traces from one."""
        if self.batch_no != reply.body["batch_no"]:
            self.batch_no, self.trace_no = int(reply.body["batch_no"]), 0
        self.session_id = str(reply.body["session_id"])

    def sign_out(self) -> Request:
        """Ask to close the session."""
        return self.signed("sign-out", {"session_id": self.session_id})

    def heartbeat(self, **changes: Any) -> Request:
        """Say the next heartbeat, or the last one again while its answer is missing."""
        if self.waiting is None or changes:
            self.waiting = self.signed("heartbeat", self.beat() | changes)
        return self.waiting

    def beat(self) -> dict[str, Any]:
        """Compose the next heartbeat."""
        now = self.clock()
        return {
            "v": 1,
            "msg_id": self.new_id(),
            "seq": self.seq + 1,
            "boot_count": 1,
            "uptime_s": int((now - self.started_at).total_seconds()),
            "sent_at": now.isoformat(),
            "challenge": self.challenge,
            "reason": "periodic",
            "power": {"source": "mains", "battery_pct": 80, "charging": True},
            "net": {"type": "4g", "rssi_dbm": -71, "rtt_ms": 48},
            "hw": {"printer": "ok", "keypad": "ok", "pinpad": "ok", "display": "ok"},
            "sec": {"tamper": "none", "rooted": False},
            "sw": {"firmware": "2.4.1", "app": "5.0.3", "config_version": 12},
            "biz": {"signed_in": bool(self.session_id), "unsent_txns": 0},
        }

    def learn_heartbeat(self, reply: Reply) -> None:
        """Keep what a heartbeat's answer taught."""
        self.challenge = str(reply.body["next_challenge"])
        self.seq += 1
        self.waiting = None

    def report(
        self, kind: str = "SALE", amount_minor: int = 1000, **changes: Any
    ) -> dict[str, Any]:
        """Compose the next transaction under the next trace number."""
        self.trace_no += 1
        report = {
            "v": 1,
            "batch_no": self.batch_no,
            "trace_no": self.trace_no,
            "kind": kind,
            "status": "APPROVED",
            "method": "CARD",
            "card_type": "DEBIT",
            "entry_mode": "CHIP",
            "card_bin": "622202",
            "card_last4": f"{self.dice.randrange(10_000):04d}",
            "card_token": f"{self.dice.getrandbits(128):032x}",
            "amount_minor": amount_minor,
            "currency": "CNY",
            "occurred_at": self.clock().astimezone(UTC).isoformat(),
            "response_code": "00",
            "operator_no": "21",
        }
        return report | changes
