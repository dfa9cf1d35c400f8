"""The one signature profile, against a library that nobody here wrote."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

from terminals.authentication import signature
from terminals.authentication.signature import BadDigest, BadSignature, ClockSkew

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
TARGET = "https://pay.example/api/device/v1/heartbeat"
BODY = b'{"v":1}'
TAG = "pos-hb-1"
KEYID = "10000001:3"
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CREATED = int(NOW.timestamp())
COVERED = ("@method", "@target-uri", "content-digest")


class Keys(HTTPSignatureKeyResolver):
    """Knows one key under every name."""

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:  # noqa: ARG002 - the interface
        return KEY

    def resolve_public_key(self, key_id: str) -> object:  # noqa: ARG002 - the interface
        return KEY.public_key()


@dataclass
class Wire:
    """A request as the library likes it."""

    method: str = "POST"
    url: str = TARGET
    headers: dict[str, str] = field(default_factory=dict)


def _public() -> bytes:
    return KEY.public_key().public_bytes_raw()


def _ours(**changes: object) -> dict[str, str]:
    given: dict[str, object] = {
        "method": "POST",
        "target": TARGET,
        "body": BODY,
        "keyid": KEYID,
        "tag": TAG,
        "created": CREATED,
    } | changes
    return signature.sign(KEY, **given)  # type: ignore[arg-type]


def _accept(
    headers: dict[str, str],
    *,
    method: str = "POST",
    target: str = TARGET,
    body: bytes = BODY,
    tag: str = TAG,
    key: bytes | None = None,
    now: datetime = NOW,
) -> None:
    envelope = signature.read(headers["Signature-Input"], headers["Signature"], tag=tag)
    signature.check_digest(headers["Content-Digest"], body)
    signature.check_time(envelope, now=now)
    signature.verify(
        envelope,
        method=method,
        target=target,
        digest=headers["Content-Digest"],
        public_key=key or _public(),
    )


def test_the_library_accepts_what_a_terminal_of_ours_signs() -> None:
    wire = Wire(headers=_ours(created=int(datetime.now(UTC).timestamp())))
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())

    (result,) = verifier.verify(wire, max_age=timedelta(seconds=60), expect_tag=TAG)

    assert result.parameters["keyid"] == KEYID
    assert set(result.covered_components) == {
        '"@method"',
        '"@target-uri"',
        '"content-digest"',
        '"@signature-params"',
    }


@pytest.mark.parametrize("more", [{}, {"nonce": "n-1"}, {"expires": NOW + timedelta(minutes=1)}])
@pytest.mark.parametrize("body", [BODY, b"", b"\xe6\x9c\xba" * 400])
def test_we_accept_what_the_library_signs(body: bytes, more: dict[str, object]) -> None:
    wire = Wire(headers={"Content-Digest": signature.digest_of(body)})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    signer.sign(
        wire,
        key_id=KEYID,
        created=NOW,
        tag=TAG,
        label="pos",
        covered_component_ids=COVERED,
        use_existing_digest=True,
        **more,  # type: ignore[arg-type]
    )

    _accept(wire.headers, body=body)


def test_a_message_of_ours_is_accepted_until_five_minutes_from_its_making() -> None:
    for seconds in (-300, 0, 300):
        _accept(_ours(created=CREATED + seconds))


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("method", {"method": "PUT"}),
        ("path", {"target": TARGET.replace("heartbeat", "sign-in")}),
        ("host", {"target": TARGET.replace("pay.", "fake.")}),
        ("scheme", {"target": TARGET.replace("https", "http")}),
        ("query", {"target": TARGET + "?a=1"}),
        ("tag", {"tag": "pos-signin-1"}),
        ("key", {"key": OTHER.public_key().public_bytes_raw()}),
    ],
)
def test_a_message_moved_elsewhere_is_refused(case: str, change: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        _accept(_ours(), **change)  # type: ignore[arg-type]


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(BadDigest):
        _accept(_ours(), body=BODY + b" ")


def test_a_changed_body_with_its_own_digest_is_refused() -> None:
    headers = _ours() | {"Content-Digest": signature.digest_of(b"{}")}

    with pytest.raises(BadSignature):
        _accept(headers, body=b"{}")


@pytest.mark.parametrize("seconds", [-301, 301, -CREATED, 10**9])
def test_a_message_of_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(ClockSkew):
        _accept(_ours(created=CREATED + seconds))


def test_an_expired_message_is_refused() -> None:
    headers = _ours()
    headers["Signature-Input"] += f";expires={CREATED}"

    with pytest.raises(ClockSkew):
        _accept(headers)


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("created moved", f"created={CREATED}", f"created={CREATED + 1}"),
        ("keyid changed", KEYID, "10000002:3"),
        ("component left out", ' "content-digest"', ""),
        ("component added", '"@method" ', '"@method" "@authority" '),
        ("components reordered", '"@method" "@target-uri"', '"@target-uri" "@method"'),
        ("component with a parameter", '"content-digest"', '"content-digest";req'),
        ("another algorithm", "ed25519", "hmac-sha256"),
        ("algorithm left out", ';alg="ed25519"', ""),
        ("tag left out", f';tag="{TAG}"', ""),
        ("created left out", f";created={CREATED}", ""),
        ("created twice", f";created={CREATED}", f";created={CREATED};created={CREATED}"),
        ("created as a word", f"created={CREATED}", f'created="{CREATED}"'),
        ("created as a fraction", f"created={CREATED}", f"created={CREATED}.5"),
        ("unknown parameter", f'tag="{TAG}"', f'tag="{TAG}";req="1"'),
        ("two signatures", "pos=", 'a=("@method");created=1, pos='),
        ("spaces", ";created", "; created"),
        ("quote inside", KEYID, KEYID + '\\"'),
        ("line break", ";created", "\n;created"),
        ("too long", KEYID, "1" * 600),
        ("nothing", None, ""),
    ],
)
def test_any_other_form_of_the_header_is_refused(case: str, old: str | None, new: str) -> None:
    headers = _ours()
    stated = headers["Signature-Input"]
    headers["Signature-Input"] = new if old is None else stated.replace(old, new)
    assert headers["Signature-Input"] != stated

    with pytest.raises(BadSignature):
        _accept(headers)


def _flipped(text: str, place: int) -> str:
    raw = bytearray(base64.b64decode(text.removeprefix("pos=:").removesuffix(":")))
    raw[place // 8] ^= 1 << place % 8
    return f"pos=:{base64.b64encode(raw).decode()}:"


@pytest.mark.parametrize("place", [0, 7, 255, 256, 300, 511])
def test_a_signature_with_one_bit_turned_is_refused(place: int) -> None:
    headers = _ours()
    headers["Signature"] = _flipped(headers["Signature"], place)

    with pytest.raises(BadSignature):
        _accept(headers)


@pytest.mark.parametrize(
    "text",
    ["", "pos=", "pos=::", "pos=:AAAA:", "other=:AAAA:", "pos=:" + "A" * 85 + "B:", "pos=:é:"],
)
def test_a_signature_in_another_shape_is_refused(text: str) -> None:
    headers = _ours() | {"Signature": text}

    with pytest.raises(BadSignature):
        _accept(headers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha-512=:AAAA:",
        signature.digest_of(BODY) + ", sha-512=:AAAA:",
        signature.digest_of(BODY).upper(),
    ],
)
def test_a_digest_in_another_shape_is_refused(text: str) -> None:
    with pytest.raises(BadDigest):
        _accept(_ours() | {"Content-Digest": text})


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        bytes([1, *bytes(31)]),
        bytes([0xEC, *[0xFF] * 30, 0x7F]),
        bytes([0xED, *[0xFF] * 30, 0x7F]),
        bytes([0xEE, *[0xFF] * 30, 0xFF]),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ],
)
def test_a_key_that_anybody_could_sign_with_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        signature.read_public_key(signature.write_public_key(raw))


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "+", "é" * 43]
)
def test_a_key_in_another_shape_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        signature.read_public_key(text)


def test_a_public_key_survives_being_written_and_read() -> None:
    assert signature.read_public_key(signature.write_public_key(_public())) == _public()
