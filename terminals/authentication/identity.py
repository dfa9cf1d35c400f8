"""Proving who speaks. Whatever goes wrong here ends as a refusal."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from portal.kit.actor import Actor, ActorKind
from terminals.authentication import signature
from terminals.authentication.contents import read_contents
from terminals.authentication.meter import METER, PRICE_OF_REFUSAL
from terminals.authentication.queries import KnownKey, Speaker, find_key
from terminals.authentication.refusals import Refused
from terminals.authentication.signature import (
    BadDigest,
    BadSignature,
    ClockSkew,
    Envelope,
    read_public_key,
)

log = structlog.get_logger(__name__)

KEYID = re.compile(r"([A-Z0-9]{8}):([1-9][0-9]{0,5})")
NEWCOMER = "new"
MAY = frozenset({"device.sign_in", "device.beat", "device.report"})


@dataclass(frozen=True, slots=True)
class Knock:
    """A request at a door before anything of it is believed.

    ``headers`` are Signature-Input, Signature and Content-Digest; ``target`` is the whole
    address as the sender wrote it.
    """

    tag: str
    target: str
    headers: tuple[str, str, str]
    body: bytes = field(repr=False)
    ip: str
    at: datetime


def identify(knock: Knock) -> Speaker:
    """Return the terminal whose key signed the message.

    :raises Refused: if no key that counts did
    """
    envelope = _read(knock)
    shape = KEYID.fullmatch(envelope.keyid)
    sender = (knock.ip, envelope.keyid if shape else "")
    _let_through(sender, knock)
    try:
        known = _known(shape)
        _verify(knock, envelope, known.public_key)
        _is_in_force(known)
    except Refused:
        METER.charge(sender, knock.at.timestamp(), PRICE_OF_REFUSAL)
        raise
    return known.speaker


def identify_newcomer(knock: Knock) -> tuple[str, Any]:
    """Return the public key that a message carries, and its JSON.

    :raises Refused: if the message is not signed by the key it carries
    """
    envelope = _read(knock)
    sender = (knock.ip, NEWCOMER)
    _let_through(sender, knock)
    try:
        value = read_contents(knock.body)
        stated = _stated_key(value, envelope)
        _verify(knock, envelope, stated)
    except Refused:
        METER.charge(sender, knock.at.timestamp(), PRICE_OF_REFUSAL)
        raise
    return stated, value


def as_actor(speaker: Speaker, stranger: Actor) -> Actor:
    """Return a proven terminal as the actor of what follows."""
    return replace(
        stranger,
        kind=ActorKind.TERMINAL,
        id=speaker.id,
        label=speaker.serial,
        merchant_id=speaker.merchant_id,
        permissions=MAY,
        via="API",
    )


def _known(shape: "re.Match[str] | None") -> KnownKey:
    known = find_key(shape[1], int(shape[2])) if shape else None
    if known is None:
        raise Refused("UNKNOWN_KEY")
    return known


def _stated_key(value: Any, envelope: Envelope) -> str:
    stated = value.get("public_key") if isinstance(value, dict) else None
    if envelope.keyid != NEWCOMER or not isinstance(stated, str):
        raise Refused("SIGNATURE_INVALID")
    return stated


def _read(knock: Knock) -> Envelope:
    stated, signed, digest = knock.headers
    try:
        envelope = signature.read(stated, signed, tag=knock.tag)
        signature.check_digest(digest, knock.body)
        signature.check_time(envelope, now=knock.at)
    except BadDigest as bad:
        raise Refused("DIGEST_MISMATCH") from bad
    except ClockSkew as bad:
        raise Refused("CLOCK_SKEW", server_time=knock.at.isoformat()) from bad
    except BadSignature as bad:
        raise Refused("SIGNATURE_INVALID") from bad
    return envelope


def _let_through(sender: tuple[str, str], knock: Knock) -> None:
    wait = METER.charge(sender, knock.at.timestamp())
    if wait:
        raise Refused("RATE_LIMITED", retry_after_s=wait)


def _verify(knock: Knock, envelope: Envelope, public_key: str) -> None:
    try:
        signature.verify(
            envelope,
            method="POST",
            target=knock.target,
            digest=knock.headers[2],
            public_key=read_public_key(public_key),
        )
    except BadSignature as bad:
        raise Refused("SIGNATURE_INVALID") from bad
    except Exception as fault:
        # Fails closed: a fault of the verifier must never let a message in.
        log.exception("verifier_fault")
        raise Refused("SIGNATURE_INVALID") from fault


def _is_in_force(known: KnownKey) -> None:
    if known.revoked_at is not None:
        raise Refused("KEY_REVOKED")
