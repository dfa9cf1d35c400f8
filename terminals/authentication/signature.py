"""One fixed profile of HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530).

Covered are exactly the method, the whole address and the digest of the body; the key is
Ed25519; the tag names the door, so that a message cannot be used at another one. Every
other form of the standard is refused, which is what makes this short enough to check.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WINDOW_SECONDS = 300
LONGEST_INPUT = 512
SIGNATURE_BYTES = 64
KEY_BYTES = 32
COVERED = '("@method" "@target-uri" "content-digest")'
LABEL = "pos"

# Points of small order: whoever holds such a "key" needs no private half to sign with it.
_PRIME = 2**255 - 19
_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_WEAK = frozenset({0, 1, _PRIME - 1, _ORDER_EIGHT, _PRIME - _ORDER_EIGHT})

_INPUT = re.compile(
    rf"([a-z][a-z0-9_-]{{0,15}})=({re.escape(COVERED)}"
    r'((?:;[a-z]{3,7}=(?:[0-9]{1,11}|"[A-Za-z0-9:._~+/=-]{1,64}"))+))'
)
_PARAMETER = re.compile(r";([a-z]{3,7})=(?:([0-9]{1,11})|\"([^\"]+)\")")
_WORDS = frozenset({"keyid", "alg", "tag", "nonce"})
_NUMBERS = frozenset({"created", "expires"})
_MUST = frozenset({"created", "keyid", "alg", "tag"})


class BadSignature(ValueError):
    """The message is not signed as agreed, or not by the key it names."""


class BadDigest(ValueError):
    """The body is not the one that was signed."""


class ClockSkew(ValueError):
    """The message was made too long ago, or in the future."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a signature says about itself, before anything of it is believed."""

    keyid: str
    tag: str
    created: int
    expires: int | None
    parameters: str
    signature: bytes


def read(signature_input: str, signature: str, *, tag: str) -> Envelope:
    """Read the two headers of a signed message for the door that ``tag`` names.

    :raises BadSignature: if they are not exactly of this profile, or for another door
    """
    if len(signature_input) > LONGEST_INPUT:
        raise BadSignature("length")
    shape = _INPUT.fullmatch(signature_input)
    if shape is None:
        raise BadSignature("input")
    label, parameters, listed = shape.groups()
    stated: dict[str, str] = {}
    for name, number, word in _PARAMETER.findall(listed):
        if name in stated or name not in (_NUMBERS if number else _WORDS):
            raise BadSignature("parameters")
        stated[name] = number or word
    if not stated.keys() >= _MUST or stated["alg"] != "ed25519" or stated["tag"] != tag:
        raise BadSignature("parameters")
    return Envelope(
        keyid=stated["keyid"],
        tag=stated["tag"],
        created=int(stated["created"]),
        expires=int(stated["expires"]) if "expires" in stated else None,
        parameters=parameters,
        signature=_signature_bytes(signature, label),
    )


def check_time(envelope: Envelope, *, now: datetime) -> None:
    """Let a message pass that was made within five minutes of now and has not expired.

    :raises ClockSkew: if it was not
    """
    moment = now.timestamp()
    if abs(moment - envelope.created) > WINDOW_SECONDS:
        raise ClockSkew("created")
    if envelope.expires is not None and envelope.expires <= moment:
        raise ClockSkew("expires")


def check_digest(header: str, body: bytes) -> None:
    """Let a body pass whose SHA-256 is the one in its Content-Digest.

    :raises BadDigest: if it is not, or if another algorithm is named
    """
    if not compare_digest(header.encode(), digest_of(body).encode()):
        raise BadDigest("content-digest")


def verify(
    envelope: Envelope, *, method: str, target: str, digest: str, public_key: bytes
) -> None:
    """Let a message pass that was signed by this key for this method, address and body.

    :raises BadSignature: if it was not
    """
    base = signature_base(method, target, digest, envelope.parameters)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(envelope.signature, base)
    except (InvalidSignature, ValueError) as bad:
        raise BadSignature("signature") from bad


def sign(
    key: Ed25519PrivateKey,
    *,
    method: str,
    target: str,
    body: bytes,
    keyid: str,
    tag: str,
    created: int,
) -> dict[str, str]:
    """Return the headers that make a message pass: what a terminal does."""
    digest = digest_of(body)
    parameters = f'{COVERED};created={created};keyid="{keyid}";alg="ed25519";tag="{tag}"'
    signature = key.sign(signature_base(method, target, digest, parameters))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def digest_of(body: bytes) -> str:
    """Return the Content-Digest header of a body."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def signature_base(method: str, target: str, digest: str, parameters: str) -> bytes:
    """Return the bytes that are signed (RFC 9421, section 2.5)."""
    lines = (
        f'"@method": {method}',
        f'"@target-uri": {target}',
        f'"content-digest": {digest}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines).encode()


def read_public_key(text: str) -> bytes:
    """Read a public key as terminals state it: base64url, 32 bytes, no padding.

    :raises BadSignature: if it is not an Ed25519 public key
    """
    raw = _exactly(text, altchars=b"-_", padding="=" * (-len(text) % 4))
    height = int.from_bytes(raw, "little") & (2**255 - 1)
    if len(raw) != KEY_BYTES or height % _PRIME in _WEAK:
        raise BadSignature("key")
    try:
        Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as bad:
        raise BadSignature("key") from bad
    return raw


def write_public_key(raw: bytes) -> str:
    """Write a public key as terminals state it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def headers_of(meta: Mapping[str, str]) -> tuple[str, str, str]:
    """Return Signature-Input, Signature and Content-Digest out of a WSGI environment."""
    return (
        meta.get("HTTP_SIGNATURE_INPUT", ""),
        meta.get("HTTP_SIGNATURE", ""),
        meta.get("HTTP_CONTENT_DIGEST", ""),
    )


def _signature_bytes(header: str, label: str) -> bytes:
    prefix = f"{label}=:"
    if not (header.startswith(prefix) and header.endswith(":")):
        raise BadSignature("header")
    raw = _exactly(header[len(prefix) : -1])
    if len(raw) != SIGNATURE_BYTES:
        raise BadSignature("header")
    return raw


def _exactly(text: str, *, altchars: bytes = b"+/", padding: str = "") -> bytes:
    """Decode base64 that has one spelling only."""
    try:
        raw = base64.b64decode(text + padding, altchars=altchars, validate=True)
    except (binascii.Error, ValueError) as bad:
        raise BadSignature("base64") from bad
    if base64.b64encode(raw, altchars).decode() != text + padding:
        raise BadSignature("base64")
    return raw
