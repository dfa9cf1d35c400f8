"""The pages that provision, over HTTP."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from portal.audit.models import AuditEntry
from terminals.fleet.actions import provisioning, sheets
from terminals.fleet.models import (
    ActivationCode,
    CodeSheet,
    Terminal,
)
from tests.cast import Cast
from tests.make import make_register, make_terminals
from tests.terminals.fleet.pages import FORM, SERIALS, shown_codes

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

ClientFor = Callable[[str], Client]


def _post(client: Client, serials: str, cast: Cast, **also: object) -> Any:
    data = {
        "key": str(uuid4()),
        "store": str(cast.noodle_store.pk),
        "serials": serials,
        "do": "provision",
        **also,
    }
    return client.post(FORM, data, follow=True)


def test_the_merchant_is_found_by_number_or_name(operator: Client, cast: Cast) -> None:
    for text in ("M1000000001", "noodle", "面"):
        page = operator.get("/terminals/provision/", {"merchant": text}).content.decode()
        assert "M1000000001" in page
        assert "M1000000002" not in page
    assert "No merchant" in operator.get("/terminals/provision/?merchant=zz").content.decode()


def test_a_pasted_list_becomes_terminals_with_codes_and_the_rest_is_kept_to_put_right(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    response = _post(operator, " 0820000001，0820000002\nNOPE00001\n0820000001", cast)

    page = response.content.decode()
    codes = shown_codes(page)
    assert "2 terminals ready to activate" in page
    assert len(codes) == 2
    hashes = set(ActivationCode.objects.values_list("code_hash", flat=True))
    assert {provisioning.code_hash(code.replace("-", "")) for code in codes} == hashes
    for words in ("Not in the register", "Twice in the list", ">NOPE00001</textarea>"):
        assert words in page.replace("\n", "")
    assert Terminal.objects.filter(status="ALLOCATED").count() == 2


def test_checking_first_changes_nothing(operator: Client, cast: Cast, noon: datetime) -> None:
    make_register(SERIALS, now=noon)

    response = _post(operator, "0820000001 NOPE00001", cast, do="check")

    page = response.content.decode()
    assert "1 serial number is ready." in page
    assert "Can be provisioned" in page
    assert "0820000001\nNOPE00001</textarea>" in page
    assert (Terminal.objects.count(), CodeSheet.objects.count()) == (0, 0)


def test_a_list_of_which_nothing_is_ready_provisions_nothing(operator: Client, cast: Cast) -> None:
    response = _post(operator, "NOPE00001 NOPE00002", cast)

    assert response.status_code == 422
    page = response.content.decode()
    assert "Nothing was provisioned" in page
    assert "NOPE00001\nNOPE00002</textarea>" in page
    assert CodeSheet.objects.count() == 0


@pytest.mark.parametrize(
    ("serials", "words"),
    [
        ("", "This field is required."),
        (" , ;\n", "Give at least one serial number."),
        (" ".join(f"S{n:06}" for n in range(501)), "At most 500 at once; these are 501."),
    ],
)
def test_an_empty_list_and_one_of_501_are_refused(
    serials: str, words: str, operator: Client, cast: Cast
) -> None:
    response = _post(operator, serials, cast)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert Terminal.objects.count() == 0


def test_serials_may_come_as_a_file(operator: Client, cast: Cast, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    content = "型号,序列号\nA920,0820000001\nA920,0820000002\n".encode("gb18030")

    page = _post(operator, "", cast, file=SimpleUploadedFile("serials.csv", content))

    assert "2 terminals ready" in page.content.decode()


def test_a_form_that_is_sent_twice_leads_to_the_samecodes(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    key = str(uuid4())

    pages = [_post(operator, "0820000001", cast, key=key) for _ in range(2)]

    first, second = (shown_codes(page.content.decode()) for page in pages)
    assert first == second
    assert len(first) == 1
    assert ActivationCode.objects.count() == 1


def test_a_store_of_another_merchant_cannot_be_chosen(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    response = _post(operator, "0820000001", cast, store=str(cast.tea_store.pk))

    assert response.status_code == 422
    assert Terminal.objects.count() == 0


def test_a_suspended_merchant_gets_none(operator: Client, cast: Cast, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    cast.noodle.status, cast.noodle.suspended_at = "SUSPENDED", noon
    cast.noodle.save()

    assert "This merchant is not active" in operator.get(FORM).content.decode()
    assert _post(operator, "0820000001", cast).status_code == 422
    assert Terminal.objects.count() == 0


def test_codes_are_shown_for_minutes_and_can_be_put_away(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    _post(operator, "0820000001", cast)
    sheet = CodeSheet.objects.get()
    here = f"/terminals/codes/{sheet.pk}/"

    assert len(shown_codes(operator.get(here).content.decode())) == 1
    gone = operator.post(f"{here}put-away/", follow=True).content.decode()

    assert shown_codes(gone) == []
    assert "cannot be shown again" in gone
    assert operator.get(f"{here}print/").status_code == 302


def test_after_ten_minutes_the_page_holds_no_code(operator: Client, cast: Cast) -> None:
    then = timezone.now() - timedelta(minutes=10)
    make_register(SERIALS, now=then)
    sheet = sheets.provision_once(
        uuid4(),
        serials=SERIALS,
        merchant=cast.noodle,
        store=cast.noodle_store,
        actor=cast.actor("olga"),
        now=then,
    )

    page = operator.get(f"/terminals/codes/{sheet.pk}/").content.decode()

    assert shown_codes(page) == []
    assert "0820000001" in page


def test_the_printed_sheet_has_a_picture_for_each_terminal(
    operator: Client, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    _post(operator, " ".join(SERIALS), cast)
    sheet = CodeSheet.objects.get()

    page = operator.get(f"/terminals/codes/{sheet.pk}/print/").content.decode()

    assert page.count("<svg") == 3
    assert len(shown_codes(page)) == 3
    assert "Noodle House" in page
    assert AuditEntry.objects.get(event="terminal.codes_printed").details == {"count": 3}


def test_codes_of_somebody_else_do_not_exist(operator: Client, cast: Cast, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    _post(operator, "0820000001", cast)
    sheet = CodeSheet.objects.get()
    CodeSheet.objects.filter(pk=sheet.pk).update(issued_by_id=cast.user("carol").pk)

    for path in ("", "print/"):
        assert operator.get(f"/terminals/codes/{sheet.pk}/{path}").status_code == 404
    assert operator.post(f"/terminals/codes/{sheet.pk}/put-away/").status_code == 404


def test_provisioning_asks_for_a_fresh_proof(
    client_for: ClientFor, cast: Cast, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    olga = client_for("olga")

    response = olga.get(FORM)
    sent = olga.post(
        FORM, {"key": str(uuid4()), "store": str(cast.noodle_store.pk), "serials": "0820000001"}
    )

    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/step-up/")
    assert sent.status_code == 403
    assert Terminal.objects.count() == 0


@pytest.mark.parametrize("who", ["lin", "mei", "carol", "ada", "ron"])
@pytest.mark.parametrize(
    "path", ["provision/", "register/import/", "0820000001/suspend/", "0820000001/reinstate/"]
)
def test_nobody_else_reaches_the_operators_forms(
    who: str, path: str, client_for: ClientFor, cast: Cast, noon: datetime
) -> None:
    make_terminals(SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, now=noon)

    response = client_for(who).post(f"/terminals/{path}", {"reason": "RISK", "because": "x"})

    assert response.status_code == 403
    assert Terminal.objects.get().status == "ALLOCATED"
