"""The command ``routes``: what every address demands, for people and for programs."""

import io
import json

import pytest
from django.core.management import call_command
from pytest_django import Settings

KEYS = {
    "name",
    "path",
    "methods",
    "permission",
    "roles",
    "step_up",
    "audit_event",
    "public",
    "persona",
    "declared",
}


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("routes", *arguments, stdout=out)
    return out.getvalue()


def test_every_route_says_what_it_demands() -> None:
    routes = {line["name"]: line for line in json.loads(run("--json"))["routes"]}

    assert {frozenset(line) for line in routes.values()} == {frozenset(KEYS)}
    assert routes["accounts:password"] == {
        "name": "accounts:password",
        "path": "/security/password/",
        "methods": ["GET", "POST"],
        "permission": "account.secure",
        "roles": [
            "OWNER",
            "MANAGER",
            "CASHIER",
            "FINANCE",
            "OPERATOR",
            "COMPLIANCE",
            "AUDITOR",
            "ADMIN",
        ],
        "step_up": True,
        "audit_event": "user.password_changed",
        "public": False,
        "persona": "everyone",
        "declared": True,
    }
    assert (routes["accounts:sign-in"]["public"], routes["accounts:sign-in"]["roles"]) == (
        True,
        [],
    )
    assert routes["terminals:provision"]["roles"] == ["OPERATOR"]


def test_for_people_it_is_a_line_a_route() -> None:
    lines = run().splitlines()

    assert any(line.startswith("/security/password/") and "second check" in line for line in lines)


def test_an_address_that_nobody_declared_ends_it_with_1(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.addresses"

    with pytest.raises(SystemExit) as ended:
        run("--json")

    assert ended.value.code == 1
