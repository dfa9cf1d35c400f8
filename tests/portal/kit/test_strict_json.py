"""JSON that leaves no room for two readings."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit import strict_json
from portal.kit.strict_json import DEEPEST, Malformed

SAFE = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | SAFE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_is_plain_is_read_as_it_is(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    body = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert strict_json.read(body) == value
    assert json.loads(strict_json.written_out(body, value)) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a":1,"a":2}', "duplicate key"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "duplicate key"),
        (b"[NaN]", "number"),
        (b"[Infinity]", "number"),
        (b'["\\u0000"]', "control character"),
        (b'["\\u007f"]', "control character"),
        (b'{"\\u0001":1}', "control character"),
        (b'["\\ud83d"]', "control character"),
        (b"[1,]", "syntax"),
        (b"\xff", "encoding"),
        (b"", "syntax"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nesting"),
        (b"[" * 500_000, "nesting"),
        (b"[" + b"9" * 5000 + b"]", "syntax"),
    ],
)
def test_anything_else_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        strict_json.read(body)


def test_the_deepest_that_is_allowed_is_read() -> None:
    body = b"[" * DEEPEST + b"]" * DEEPEST

    assert json.dumps(strict_json.read(body)).encode() == body


def test_nothing_hides_behind_an_escape() -> None:
    body = b'["\\u0034\\u0035"]'

    assert strict_json.written_out(body, strict_json.read(body)) == '["45"]'
