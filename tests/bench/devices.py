"""Terminals that can speak: keys made for the bench, and their messages, signed beforehand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from terminals.authentication import signature
from tests.bench import load

CHALLENGE = "B" * 22
BATCH = 7

ENROL = """
insert into terminals_devicekey (terminal_id, generation, public_key, created_at)
select t.id, 1, k.key, now() from unnest(%s::text[], %s::text[]) k(terminal_no, key)
  join terminals_terminal t using (terminal_no)
    on conflict do nothing
"""

# As after the day's sign-in: one open session each.
SIGN_IN = """
insert into terminals_signin
  (terminal_id, merchant_id, signin_id, body_sha256, business_date, at, operator_no, code, reply,
   session_id, batch_no, expires_at)
select id, merchant_id, md5(serial), '', (now() at time zone 'Asia/Shanghai')::date, now(), '01',
       'OK', '{}', gen_random_uuid(), %s, now() + interval '1 day'
  from terminals_terminal where terminal_no = any(%s)
    on conflict do nothing
"""

# As in the middle of a quiet day: online, due in five minutes, the next number is 1.
SETTLE = """
update terminals_liveness
   set link = 'ONLINE', last_seen_at = now(), check_at = now() + interval '5 minutes', seq = 0,
       challenge = %s, previous_challenge = '', message_id = '', boot_count = 0,
       uptime_seconds = 0
 where terminal_id in (select id from terminals_terminal where terminal_no = any(%s))
"""


@dataclass(frozen=True)
class Device:
    """One terminal with its private key."""

    terminal_no: str

    @cached_property
    def key(self) -> Ed25519PrivateKey:
        """A key that is the same in every run."""
        return Ed25519PrivateKey.from_private_bytes(sha256(self.terminal_no.encode()).digest())

    @cached_property
    def public_key(self) -> str:
        """The public half, as terminals state it."""
        return signature.write_public_key(self.key.public_key().public_bytes_raw())

    def signed(self, port: int, path: str, said: dict[str, object], *, tag: str) -> bytes:
        """Return a signed message as it goes over the wire."""
        host = f"127.0.0.1:{port}"
        body = json.dumps(said, separators=(",", ":")).encode()
        headers = signature.sign(
            self.key,
            method="POST",
            target=f"http://{host}{path}",
            body=body,
            keyid=f"{self.terminal_no}:1",
            tag=tag,
            created=int(datetime.now(UTC).timestamp()),
        )
        return load.post(host=host, path=path, body=body, headers=headers.items())

    def beat(self) -> dict[str, object]:
        """Return a heartbeat as terminals send it in a quiet hour."""
        return {
            "v": 1,
            "msg_id": secrets.token_hex(3).rjust(32, "a"),
            "seq": 1,
            "boot_count": 3,
            "uptime_s": 86_400,
            "sent_at": datetime.now(UTC).isoformat(),
            "challenge": CHALLENGE,
            "reason": "periodic",
            "power": {"source": "mains", "battery_pct": 98, "charging": True},
            "net": {"type": "4g", "rssi_dbm": -71, "rtt_ms": 48},
            "hw": {"printer": "ok", "keypad": "ok", "pinpad": "ok", "storage_free_mib": 2048},
            "sec": {"tamper": "none", "rooted": False},
            "sw": {"firmware": "2.4.1", "app": "5.0.3", "config_version": 12},
            "biz": {"signed_in": True, "batch_no": BATCH, "unsent_txns": 0},
        }

    def sale(self, trace_no: int) -> dict[str, object]:
        """Return a card sale as terminals report it."""
        return {
            "batch_no": BATCH,
            "trace_no": trace_no,
            "kind": "SALE",
            "status": "APPROVED",
            "method": "CARD",
            "amount_minor": 12_850 + trace_no,
            "currency": "CNY",
            "occurred_at": datetime.now(UTC).isoformat(),
            "response_code": "00",
            "card_type": "CREDIT",
            "entry_mode": "CONTACTLESS",
            "card_bin": "622202",
            "card_last4": "4417",
            "card_token": f"tok_{self.terminal_no}",
            "operator_no": "01",
        }


def enrol(link: psycopg.Connection, devices: Sequence[Device]) -> None:
    """Give the devices their keys and the day's session in the database."""
    numbers = [device.terminal_no for device in devices]
    link.execute(ENROL, [numbers, [device.public_key for device in devices]])
    link.execute(SIGN_IN, [BATCH, numbers])


def settle(link: psycopg.Connection, devices: Sequence[Device]) -> None:
    """Put every conversation back to where its next message is number 1."""
    link.execute(SETTLE, [CHALLENGE, [device.terminal_no for device in devices]])
    link.execute("vacuum terminals_liveness")
