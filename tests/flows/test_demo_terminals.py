"""What seed_demo hands over of its terminals is all that a program needs to be one of them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.management import call_command
from django.db.transaction import atomic

from portal.kit.scope import WORKER, acting_as
from terminals.fleet.models import Terminal
from terminals.management.simulator.device import Device
from terminals.presence.models import Link, Liveness
from tests.device import make_device, send

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def handed(tmp_path: Path) -> dict[str, Any]:
    """The first terminal of the demo, as its file describes it."""
    (Path(settings.PORTAL_DATA) / "seed.json").unlink(missing_ok=True)
    call_command("seed_demo", "--json", str(tmp_path / "demo.json"), stdout=io.StringIO())
    told = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
    first: dict[str, Any] = told["terminals"][0]
    return first


def as_device(handed: dict[str, Any]) -> Device:
    device = make_device(handed["serial"])
    key = load_pem_private_key(handed["private_key_pem"].encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    device.key, device.keyid, device.challenge = key, handed["key_id"], handed["challenge"]
    return device


def test_a_terminal_of_the_demo_signs_in_sells_and_beats(handed: dict[str, Any]) -> None:
    device = as_device(handed)

    signed_in = send(device.sign_in(handed["operator_no"], handed["operator_password"]))
    assert signed_in.status == 200, signed_in.body
    device.learn_sign_in(signed_in)
    assert send(device.heartbeat()).status == 200


def test_every_active_terminal_of_the_demo_has_begun_its_conversation(
    handed: dict[str, Any],
) -> None:
    with acting_as(WORKER), atomic():
        active = set(Terminal.objects.filter(status="ACTIVE").values_list("pk", flat=True))
        heard = set(Liveness.objects.exclude(link=Link.NEVER).values_list("pk", flat=True))

    assert heard == active != set()
