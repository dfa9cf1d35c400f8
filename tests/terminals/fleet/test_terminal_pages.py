"""The pages that suspend, reinstate, re-issue and check, over HTTP."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
from django.test import Client

from portal.audit.models import AuditEntry
from terminals.fleet.models import (
    ActivationCode,
    CodeSheet,
    Terminal,
    TerminalStatus,
)
from tests.cast import Cast
from tests.make import make_register, make_terminal, make_terminals
from tests.terminals.fleet.pages import SERIALS, shown_codes

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

ClientFor = Callable[[str], Client]


def test_an_operator_suspends_and_reinstates(operator: Client, cast: Cast, noon: datetime) -> None:
    make_terminal(SERIALS[0], merchant=cast.noodle, store=cast.noodle_store, now=noon)
    here = f"/terminals/{SERIALS[0]}/"

    asked = operator.get(f"{here}suspend/").content.decode()
    done = operator.post(
        f"{here}suspend/", {"reason": "RISK", "because": "reported stolen"}, follow=True
    ).content.decode()
    twice = operator.post(
        f"{here}suspend/", {"reason": "RISK", "because": "again"}, follow=True
    ).content.decode()
    back = operator.post(f"{here}reinstate/", {"because": "found"}, follow=True).content.decode()

    assert f"Suspend terminal {SERIALS[0]}?" in asked
    assert f"Terminal {SERIALS[0]} suspended." in done
    assert "Nothing was changed" in twice
    assert f"Terminal {SERIALS[0]} reinstated." in back
    assert Terminal.objects.get().status == "ACTIVE"
    assert AuditEntry.objects.filter(event="terminal.suspended").count() == 1


@pytest.mark.parametrize(
    "data", [{}, {"reason": "RISK"}, {"because": "x"}, {"reason": "BORED", "because": "x"}]
)
def test_without_a_reason_nothing_is_suspended(
    data: dict[str, str], operator: Client, cast: Cast, noon: datetime
) -> None:
    make_terminal(SERIALS[0], merchant=cast.noodle, store=cast.noodle_store, now=noon)

    response = operator.post(f"/terminals/{SERIALS[0]}/suspend/", data)

    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert Terminal.objects.get().status == "ACTIVE"


def test_without_a_reason_nothing_is_reinstated(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_terminal(SERIALS[0], merchant=cast.noodle, store=cast.noodle_store, now=noon)
    here = f"/terminals/{SERIALS[0]}/"
    operator.post(f"{here}suspend/", {"reason": "RISK", "because": "x"})

    response = operator.post(f"{here}reinstate/", {"because": "  "})

    assert response.status_code == 422
    assert Terminal.objects.get().status == "SUSPENDED"


def test_reinstating_asks_for_a_fresh_proof(
    client_for: ClientFor, operator: Client, cast: Cast, noon: datetime
) -> None:
    make_terminal(SERIALS[0], merchant=cast.noodle, store=cast.noodle_store, now=noon)
    here = f"/terminals/{SERIALS[0]}/"
    operator.post(f"{here}suspend/", {"reason": "RISK", "because": "x"})

    response = client_for("olga").post(f"{here}reinstate/", {"because": "found"})

    assert response.status_code == 403
    assert Terminal.objects.get().status == "SUSPENDED"


def test_a_code_is_issued_again_and_the_old_one_is_void(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_terminals(SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, now=noon)
    here = f"/terminals/{SERIALS[0]}/issue-code/"

    asked = operator.get(here).content.decode()
    shown = operator.post(here, {"key": str(uuid4())}, follow=True).content.decode()
    refused = operator.post(here, {"key": "x"})

    assert f"for terminal {SERIALS[0]}?" in asked
    assert len(shown_codes(shown)) == 1
    assert refused.status_code == 422
    assert ActivationCode.objects.filter(voided_at=None).count() == 1
    assert ActivationCode.objects.count() == 2


def test_a_terminal_in_use_gets_no_code(operator: Client, cast: Cast, noon: datetime) -> None:
    for serial, status in zip(SERIALS, ("ACTIVE", "ENROLLED", "RETIRED"), strict=True):
        make_terminal(
            serial,
            merchant=cast.noodle,
            store=cast.noodle_store,
            now=noon,
            status=TerminalStatus(status),
        )

        page = operator.post(
            f"/terminals/{serial}/issue-code/", {"key": str(uuid4())}, follow=True
        )

        assert "Nothing was changed" in page.content.decode()
    assert (ActivationCode.objects.count(), CodeSheet.objects.count()) == (3, 0)


def test_a_merchant_checks_a_serial(client_for: ClientFor, noon: datetime) -> None:
    make_register(["0820000011"], now=noon)
    mei = client_for("mei")

    listed = mei.post("/terminals/verify/", {"serial": " 082 0000011".replace(" ", "")})
    slip = mei.post("/terminals/verify/", {"serial": "O820000011"}).content.decode()

    page = listed.content.decode()
    assert "Genuine, not activated" in page
    assert "Record only" in page
    assert "Listed by PAX as model A920" in page
    assert "Not in the register" in slip
    assert 'data-copy="0820000011"' in slip


def test_a_card_number_is_not_shown_again(client_for: ClientFor) -> None:
    card = "4" + "1" * 15

    response = client_for("lin").post("/terminals/verify/", {"serial": card})

    assert response.status_code == 422
    assert card not in response.content.decode()
    assert "That is a card number" in response.content.decode()


def test_the_sixty_first_check_of_a_minute_is_refused_with_the_time_to_wait(
    cast: Cast, client_for: ClientFor
) -> None:
    lin = client_for("lin")
    statuses = [
        lin.post("/terminals/verify/", {"serial": "0820000001"}).status_code for _ in range(61)
    ]
    # The window is a minute of the clock, so a test across its edge has two of them.
    refused = statuses.count(429)
    assert set(statuses) <= {200, 429}
    assert refused in (0, 1)
    more = [lin.post("/terminals/verify/", {"serial": "0820000001"}) for _ in range(60)]
    over = [response for response in more if response.status_code == 429]
    assert over
    assert 0 < int(over[0]["Retry-After"]) <= 60


def test_who_may_not_check_is_refused(client_for: ClientFor) -> None:
    for who in ("fay", "ada", "ron"):
        response = client_for(who).post("/terminals/verify/", {"serial": "0820000001"})
        assert response.status_code == 403
    assert AuditEntry.objects.filter(event="terminal.verified").count() == 0
