"""Nothing that opens a door can be read from a copy of the database."""

import re
from base64 import b32decode, b32encode, b64encode

import psycopg
import pytest
from django.db import connections
from django.db.transaction import atomic
from django.test import Client

from portal.accounts.models import AuthenticatorDevice, User
from portal.kit.scope import WORKER, acting_as, through_gate
from portal.kit.secrets import Unreadable
from tests.cast import PASSWORD, assemble
from tests.door import Clock, code_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ENROL = "/sign-in/authenticator/"


def everything() -> str:
    """Every row of every table, as the superuser reads them: what a stolen dump holds."""
    at = connections["owner"].settings_dict
    place = {"host": at["HOST"], "port": at["PORT"], "dbname": at["NAME"]}
    line = psycopg.connect(user="postgres", **place, **at["OPTIONS"])
    with line, line.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind = 'r'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        text = []
        for table in tables:
            with cursor.copy(f'copy "{table}" to stdout') as copy:
                text += [bytes(part).decode(errors="replace") for part in copy]
    return "".join(text)


@pytest.fixture
def lin(monkeypatch: pytest.MonkeyPatch) -> User:
    """Lin, who has no authenticator yet."""
    monkeypatch.setattr("django_otp.oath.time", Clock(1_800_000_000))
    with acting_as(WORKER), atomic():
        return assemble().user("lin")


def test_a_dump_holds_no_code_no_seed_no_key_and_no_password(client: Client, lin: User) -> None:
    secrets = {"password": PASSWORD}
    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    secrets["key before"] = client.cookies["session"].value
    client.post(ENROL, {"begin": "1"})
    shown = re.search(r'data-copy="([A-Z2-7 ]+)"', client.get(ENROL).content.decode())
    assert shown is not None
    seed = b32decode(shown[1].replace(" ", ""))
    answer = client.post(ENROL, {"code": code_of(seed)})
    codes = re.findall(r"<li>([0-9A-Z-]{29})</li>", answer.content.decode())
    secrets |= {
        "key": client.cookies["session"].value,
        "csrf": client.cookies["csrf"].value,
        "seed in hex": seed.hex(),
        "seed in base 32": b32encode(seed).decode(),
        "seed in base 64": b64encode(seed).decode(),
        **{f"code {n}": code for n, code in enumerate(codes)},
        **{f"plain code {n}": code.replace("-", "") for n, code in enumerate(codes)},
    }
    dump = everything()

    assert (len(codes), "lin" in dump) == (10, True)
    assert [name for name, secret in secrets.items() if secret.lower() in dump.lower()] == []


def test_a_seed_that_is_moved_to_another_row_cannot_be_read(lin: User) -> None:
    with through_gate(), atomic():
        first, second = (
            AuthenticatorDevice(user=lin, name=name, confirmed=False, sealed_seed="")
            for name in ("first", "second")
        )
        for device in (first, second):
            device.save()
            device.keep_seed(bytes(20))
        second.sealed_seed = first.sealed_seed

    assert first.seed == bytes(20)
    with pytest.raises(Unreadable):
        _ = second.seed
