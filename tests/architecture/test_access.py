"""Every address x everybody x every method: who passes, who is refused, and how."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.accounts.access import ROUTES, Persona
from portal.accounts.roles import PERMISSIONS, ROLES, STEP_UP, holders
from portal.accounts.route_list import RouteLine, list_routes
from portal.audit.events import EVENTS
from portal.audit.models import AuditEntry
from tests.addresses import UNSAFE, Answer, pages, read, sample_path
from tests.cast import Cast
from tests.door import open_session

WHO = {
    "lin": "OWNER",
    "max": "MANAGER",
    "mei": "CASHIER",
    "fay": "FINANCE",
    "olga": "OPERATOR",
    "carol": "COMPLIANCE",
    "ada": "AUDITOR",
    "ron": "ADMIN",
}
METHODS = ("GET", *UNSAFE)


def test_every_address_is_declared() -> None:
    assert [line.path for line in list_routes() if not line.declared] == []


def test_every_declaration_is_of_an_address() -> None:
    assert set(ROUTES) - {line.name for line in list_routes()} == set()


def test_every_declaration_speaks_of_known_permissions_and_events() -> None:
    assert {route.permission for route in ROUTES.values()} - set(PERMISSIONS) == {""}
    assert {route.audit_event for route in ROUTES.values()} - set(EVENTS) == {""}


def test_only_open_addresses_take_no_permission() -> None:
    open_to_all = {Persona.PUBLIC, Persona.PENDING, Persona.DEVICE, Persona.SERVICE}

    assert {r.persona for r in ROUTES.values() if not r.permission} <= open_to_all


def test_every_permission_is_held_by_somebody_and_every_role_holds_known_ones() -> None:
    assert [name for name in PERMISSIONS if not holders(name)] == []
    assert {p for card in ROLES.values() for p in card.permissions} - set(PERMISSIONS) == set()
    assert set(PERMISSIONS) >= STEP_UP


def test_no_administrator_also_watches_or_operates() -> None:
    watches, administers = {"audit.read", "audit.export"}, {"person.manage"}
    operates = {"terminal.provision", "terminal.suspend", "merchant.manage"}

    for card in ROLES.values():
        kinds = [kind for kind in (watches, administers, operates) if kind & card.permissions]
        assert len(kinds) <= 1, card.code


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_open_its_own_start_page(role: str) -> None:
    route = ROUTES[ROLES[role].home]

    assert role in {card.code for card in route.roles}
    assert reverse(ROLES[role].home).startswith("/")


def outcome(answer: Answer) -> str:
    """What became of a request, in a word."""
    location = answer.get("Location", "")
    for start, word in (
        ("/sign-in/code/", "second factor"),
        ("/sign-in/", "sign in"),
        ("/step-up/", "prove"),
    ):
        if answer.status_code == 302 and location.startswith(start):
            return word
    if answer.status_code == 403:
        return "prove" if b'name="step_up_code"' in b"".join(answer) else "refused"
    if answer.status_code >= 500:
        return "broken"
    return "no such method" if answer.status_code == 405 else "passed"


def expected(line: RouteLine, method: str, role: str, stage: str) -> str:
    """What should become of it, from the declaration alone."""
    if method not in line.methods and not (method == "HEAD" and "GET" in line.methods):
        return "no such method"
    if line.public or (line.persona == "pending" and stage != "stranger"):
        return "passed"
    if stage in ("stranger", "pending"):
        return {"stranger": "sign in", "pending": "second factor"}[stage]
    if role not in line.roles:
        return "refused"
    return "prove" if line.step_up and stage != "proven" else "passed"


def differences(
    client: Client,
    role: str,
    stage: str,
    renew: Callable[[], object],
    methods: tuple[str, ...] = ("GET", "POST"),
) -> list[str]:
    """Try every page with every method and list what is not as declared."""
    wrong = []
    client.raise_request_exception = False
    for line in pages():
        for method in methods:
            if line.name in NOT_TRIED[stage] and method in line.methods:
                continue
            renew()
            answer = read(client.generic(method, sample_path(line)))
            found, wanted = outcome(answer), expected(line, method, role, stage)
            if found != wanted:
                wrong.append(f"{method} {line.path} as {role or stage}: {found}, not {wanted}")
    return wrong


# These send the browser on, by design, to a page that outcome() would take for a refusal.
NOT_TRIED = {
    "pending": (
        "accounts:sign-in",
        "accounts:sign-out",
        "accounts:enrol",
        "accounts:recovery",
        "accounts:second-factor",
    ),
    "stranger": ("accounts:sign-out",),
    "in": ("accounts:sign-out", "accounts:step-up"),
    "proven": ("accounts:sign-out", "accounts:step-up"),
}


@pytest.mark.django_db(databases=["default", "owner"])
def test_strangers_reach_the_open_pages_alone(client: Client) -> None:
    assert differences(client, "", "stranger", lambda: None, METHODS) == []


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("who", WHO)
def test_with_a_password_alone_every_role_reaches_nothing(
    client: Client, cast: Cast, who: str
) -> None:
    def renew() -> None:
        open_session(client, cast.user(who), otp=False)

    assert differences(client, "", "pending", renew) == []


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("who", WHO)
def test_each_role_passes_just_where_it_may_and_proves_itself_where_it_must(
    client: Client, cast: Cast, who: str
) -> None:
    def renew() -> None:
        open_session(client, cast.user(who))

    assert differences(client, WHO[who], "in", renew) == []


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("who", WHO)
def test_after_proving_itself_each_role_passes(client: Client, cast: Cast, who: str) -> None:
    def renew() -> None:
        open_session(client, cast.user(who), proven=tuple(STEP_UP))

    assert differences(client, WHO[who], "proven", renew) == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_proof_for_one_permission_opens_no_other(client: Client, cast: Cast) -> None:
    wrong = []
    for who, role in WHO.items():
        for proven in STEP_UP:
            for line in pages():
                if line.step_up and role in line.roles and line.permission != proven:
                    open_session(client, cast.user(who), proven=(proven,))
                    if outcome(read(client.get(sample_path(line)))) == "passed":
                        wrong.append(f"{line.path} with {proven}")

    assert wrong == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_refusal_names_the_permission_and_who_holds_it(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))

    answer = client.get("/terminals/register/")

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "registry.read" in page
    assert "Operator · Compliance · Auditor" in page
    entry = AuditEntry.objects.get(event="access.refused")
    assert (entry.actor_label, entry.outcome, entry.details) == (
        "lin",
        "REFUSED",
        {"permission": "registry.read", "path": "/terminals/register/"},
    )


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("who", ["", "lin", "olga", "ron"])
def test_an_address_that_is_not_declared_does_not_exist(
    client: Client, cast: Cast, who: str, settings: Settings
) -> None:
    settings.ROOT_URLCONF = "tests.addresses"
    if who:
        open_session(client, cast.user(who))

    for address in ("/forgotten/", "/nameless/"):
        for method in METHODS:
            assert client.generic(method, address).status_code == 404
