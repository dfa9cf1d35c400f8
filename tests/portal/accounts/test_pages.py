"""The pages of people, opened by everybody who may."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast
from tests.door import open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

PAGES = ["/security/", "/security/preferences/", "/roles/"]
SECURE_PAGES = ["/security/password/", "/security/authenticator/", "/security/recovery-codes/"]


@pytest.mark.parametrize("who", ["lin", "max", "mei", "fay", "olga", "carol", "ada", "ron"])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_opens_the_pages_about_themselves(cast: Cast, who: str, path: str) -> None:
    client = Client()
    open_session(client, cast.user(who))

    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", SECURE_PAGES)
def test_changes_of_security_ask_for_a_code_first(cast: Cast, path: str) -> None:
    client = Client()
    open_session(client, cast.user("lin"))

    answer = client.get(path)

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/step-up/?permission=account.secure&next={path.replace('/', '%2F')}",
    )
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("path", SECURE_PAGES)
def test_after_the_code_they_open(cast: Cast, path: str) -> None:
    client = Client()
    open_session(client, cast.user("lin"), proven=("account.secure",))

    assert client.get(path).status_code == 200


def test_without_signing_in_only_the_way_in_is_open(client: Client) -> None:
    answer = client.get("/security/")

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=%2Fsecurity%2F")
    assert client.get(answer["Location"]).status_code == 200


def test_a_page_asks_three_things_about_its_person(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))
    client.get("/roles/")

    with CaptureQueriesContext(connection) as queries:
        client.get("/roles/")

    asked = [
        query["sql"] for query in queries if query["sql"].strip().lower().startswith("select")
    ]
    assert [
        re.split(r'\sfrom\s"?', sql, maxsplit=1)[1].split()[0].strip('"') for sql in asked
    ] == [
        "portal_usersession",
        "merchants_membership",
        "portal_stepup",
    ]
