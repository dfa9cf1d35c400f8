"""One transaction with its kin, its terminal, and the words for what the bank said."""

from datetime import datetime, timedelta

import pytest
from django.utils.translation import override

from portal.kit.actor import Actor
from portal.kit.scope import acting_as, scope_of
from terminals.fleet.models import Terminal
from tests.transactions.rows import built, put
from transactions.records.models import Transaction
from transactions.records.queries.details import get_transaction
from transactions.records.rules.responses import RESPONSES, advice, meaning

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


@pytest.fixture
def sale(a1041: Terminal, noon: datetime) -> Transaction:
    """A sale of 100.00 of which 30.00 went back; another refund was declined."""
    sold = put([built(a1041, 1, occurred_at=noon)])[0]
    back = {"kind": "REFUND", "original_id": sold.pk, "original_date": sold.business_date}
    put([
        built(a1041, 2, occurred_at=noon + timedelta(hours=2), amount_minor=1000, **back),
        built(a1041, 3, occurred_at=noon + timedelta(hours=1), amount_minor=2000, **back),
        built(a1041, 4, occurred_at=noon + timedelta(hours=3), amount_minor=5000,
              status="DECLINED", **back),
    ])  # fmt: skip
    return sold


def test_a_sale_shows_what_followed_it_and_what_is_left(lin: Actor, sale: Transaction) -> None:
    with acting_as(scope_of(lin)):
        detail = get_transaction(lin, sale.reference.lower())

    assert detail.row.reference == sale.reference
    assert detail.original is None
    assert [f.amount_minor for f in detail.followers] == [2000, 1000, 5000]
    assert detail.remaining_minor == 7000


def test_a_refund_shows_the_sale_it_follows(lin: Actor, sale: Transaction) -> None:
    follower = Transaction.objects.filter(kind="REFUND").order_by("id")[0]

    detail = get_transaction(lin, follower.reference)

    assert detail.original is not None
    assert detail.original.reference == sale.reference
    assert (detail.followers, detail.remaining_minor) == ((), None)


def test_a_strangers_transaction_does_not_exist(wu: Actor, sale: Transaction) -> None:
    with acting_as(scope_of(wu)), pytest.raises(Transaction.DoesNotExist):
        get_transaction(wu, sale.reference)


@pytest.mark.parametrize(
    ("code", "said", "done"),
    [
        ("51", "Not enough money on the account", "Ask for another way to pay."),
        ("a0", "The message could not be proven", "Sign in on the terminal, then try again."),
        ("00", "Approved by the bank", ""),
        ("ZZ", "Not in the table of answers", ""),
        ("", "", ""),
    ],
)
def test_a_response_code_is_said_in_plain_words(code: str, said: str, done: str) -> None:
    with override("en"):
        assert (meaning(code), advice(code)) == (said, done)


def test_every_response_code_is_two_characters_of_the_standard() -> None:
    assert len(RESPONSES) == 69
    assert {len(code) for code in RESPONSES} == {2}
