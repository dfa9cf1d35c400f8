"""What the published schema says of the doors is what they do."""

import json
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.utils import translation

from terminals.authentication.refusals import REFUSALS, Refused, title_of
from terminals.management.simulator.device import TAGS
from tests.cast import Cast
from tests.device import activate, send, signed_in
from transactions.records.models import Transaction

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

DOORS = {f"/api/device/v1/{door}": door for door in TAGS}


@pytest.fixture
def published() -> dict[str, Any]:
    """The schema as a visitor gets it."""
    schema: dict[str, Any] = json.loads(Client().get("/api/schema/?format=json").content)
    return schema


def _contract(published: dict[str, Any], door: str, status: int) -> Any:
    operation = published["paths"][f"/api/device/v1/{door}"]["post"]
    (content,) = operation["responses"][str(status)]["content"].values()
    return {**content["schema"], "components": published["components"]}


def test_every_door_is_published_with_its_signature(published: dict[str, Any]) -> None:
    assert DOORS.keys() <= published["paths"].keys()
    for path in DOORS:
        assert published["paths"][path]["post"]["security"] == [{"deviceSignature": []}]
    assert "deviceSignature" in published["components"]["securitySchemes"]


def test_every_code_of_a_refusal_is_published_under_its_status(published: dict[str, Any]) -> None:
    told: set[tuple[str, str]] = set()
    for path in DOORS:
        for status, response in published["paths"][path]["post"]["responses"].items():
            words = response["description"].rpartition(": ")[2]
            told |= {(code, status) for code in words.split(", ") if code in REFUSALS}

    unsaid = {code for code in REFUSALS if (code, str(REFUSALS[code].status)) not in told}
    assert unsaid == {"METHOD_NOT_ALLOWED"}
    assert {("CLOCK_SKEW", "409"), ("CLOCK_SKEW", "422")} <= told


def test_every_refusal_is_said_in_both_languages() -> None:
    values: dict[str, object] = {
        "reason": "1",
        "parts": "1",
        "left": "1",
        "until": "1",
        "percent": "1",
    }
    for code in REFUSALS:
        refused = Refused(code, title_values=values)
        with translation.override("en"):
            english = title_of(refused)
        with translation.override("zh-hans"):
            chinese = title_of(refused)

        assert english.isascii(), code
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese), code
        assert "%" not in english.replace("1%", ""), code


@pytest.mark.parametrize(
    ("body", "english", "chinese"),
    [
        (b'{"v": 1, "v": 1}', "The message names one field twice.", "报文中同一字段出现两次。"),
        (
            b'{"v": NaN}',
            "The message holds NaN or Infinity, which are no numbers.",
            "报文含有 NaN 或 Infinity，它们不是数字。",
        ),
        ('{"v": "面"}'.encode("gbk"), "The message is not in UTF-8.", "报文不是 UTF-8 编码。"),
        (
            b'{"v": 1, "tip": 5}',
            "The message has a field that is not part of the agreement: tip.",
            "报文含有约定之外的字段：tip。",
        ),
        (
            b'{"v": 2}',
            "A field is missing or not as agreed: v.",
            "字段缺失或不符合约定：v。",
        ),
    ],
)
def test_the_words_say_what_is_wrong(body: bytes, english: str, chinese: str, cast: Cast) -> None:
    device = activate("A1041000", merchant=cast.noodle, store=cast.noodle_store)
    request = device.signed("transactions", body)

    assert send(request).body["title"] == english
    assert send(request, language="zh").body["title"] == chinese
    assert Transaction.objects.count() == 0


def test_refusals_come_in_the_published_form(published: dict[str, Any]) -> None:
    for path in DOORS:
        responses = published["paths"][path]["post"]["responses"]
        forms = {
            form
            for status, response in responses.items()
            if status >= "400"
            for form in response["content"]
        }
        assert forms == {"application/problem+json"}


def test_answers_are_as_published(published: dict[str, Any], cast: Cast) -> None:
    device = signed_in("A1041000", merchant=cast.noodle, store=cast.noodle_store)
    said = [
        ("heartbeat", device.beat()),
        ("transactions", device.report()),
        ("transactions/batch", {"transactions": [device.report(), device.report(trace_no=0)]}),
        ("sign-out", {"session_id": device.session_id}),
        ("sign-out", {"session_id": "nobody"}),
        ("transactions", {}),
    ]
    for door, message in said:
        reply = send(device.signed(door, message))

        jsonschema.validate(reply.body, _contract(published, door, reply.status))
