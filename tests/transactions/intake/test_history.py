"""Labelled history in: each line accounted for, once only, all or nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from merchants.profiles.models import Merchant, Store
from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from portal.kit.command import system
from portal.kit.secrets import fingerprint
from terminals.fleet.models import DeviceKey, Terminal
from tests.claims import unchanged
from transactions.intake.actions.cards import keyed
from transactions.intake.actions.history import Imported, Rejection, Taken, import_history
from transactions.intake.models import HistoryKey
from transactions.intake.rules.history import Unfit, read_row
from transactions.records.models import DailyTotal, Transaction
from transactions.records.queries.proofs import compare_daily_totals, find_foreign_rows
from transactions.risk.models import Label

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
HEADER = (
    "external_id,occurred_at,card_token,terminal_serial,merchant_code,amount,currency,type,status"
)
LABELS = "external_id,label,known_at,source"
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
IMPORTER = system("import_history", "history.import")
GOOD: dict[str, str] = {
    "external_id": "x1",
    "occurred_at": "2025-01-31T23:30:00+08:00",
    "card_token": "c_a173af60bcbfc561e421",
    "terminal_serial": "N9A362275",
    "merchant_code": "M70E9ACA3E8",
    "amount": "277.17",
    "currency": "CNY",
    "type": "sale",
    "status": "approved",
}
# in pieces, so that no full card number stands in a file
FULL_NUMBER = "622588" + "000000000" + "1"


def line(**over: str) -> str:
    return ",".join((GOOD | over).values())


def taken_in(
    rows: Sequence[str],
    labels: Sequence[str] | None = None,
    *,
    header: str = HEADER,
    create_missing: bool = True,
    actor: Actor = IMPORTER,
) -> tuple[Imported, list[Rejection]]:
    rejected: list[Rejection] = []
    done = import_history(
        actor=actor,
        workspace="demo",
        transactions=iter([header, *rows]),
        labels=None if labels is None else iter([LABELS, *labels]),
        create_missing=create_missing,
        now=NOW,
        reject=rejected.append,
    )
    return done, rejected


def test_a_line_becomes_a_transaction_with_its_total_and_its_key() -> None:
    done, rejected = taken_in([line()])

    row = Transaction.objects.get()
    assert (done.transactions, rejected) == (Taken(1, 1, 0, 0, 0), [])
    assert (row.kind, row.status, row.method, row.net_minor) == ("SALE", "APPROVED", "CARD", 27717)
    assert row.business_date == date(2025, 1, 31)
    assert row.occurred_at == datetime(2025, 1, 31, 15, 30, tzinfo=UTC)
    assert row.received_at == NOW
    assert row.rrn[:6] == "250131"
    assert len(row.reference) == 16
    total = DailyTotal.objects.get()
    assert (total.count, total.amount_minor, total.net_minor) == (1, 27717, 27717)
    key = HistoryKey.objects.get()
    assert (key.workspace, key.external_id, key.transaction_id) == ("demo", "x1", row.pk)
    assert compare_daily_totals().holds
    assert find_foreign_rows().holds


def test_what_is_missing_is_made_and_cannot_trade() -> None:
    done, _rejected = taken_in([line(), line(external_id="x2")])

    merchant, store, terminal = Merchant.objects.get(), Store.objects.get(), Terminal.objects.get()
    assert (done.merchants, done.stores, done.terminals) == (1, 1, 1)
    assert (merchant.code, merchant.name) == ("M70E9ACA3E8", "M70E9ACA3E8")
    assert (terminal.serial, terminal.status) == ("N9A362275", "RETIRED")
    assert terminal.store_id == store.pk
    assert DeviceKey.objects.count() == 0
    assert {row.store_id for row in Transaction.objects.all()} == {store.pk}


def test_without_leave_to_make_them_unknown_places_are_refused() -> None:
    done, rejected = taken_in([line(), line(external_id="x2")], create_missing=False)

    why = "is not known; --create-missing would make it"
    assert done.transactions == Taken(2, 0, 0, 0, 2)
    assert rejected == [
        Rejection("transactions", 2, "merchant_code", why),
        Rejection("transactions", 3, "merchant_code", why),
    ]
    assert (Merchant.objects.count(), Transaction.objects.count()) == (0, 0)


def test_a_second_run_changes_nothing() -> None:
    rows = [line(external_id=f"x{n}") for n in range(50)]
    labels = [f"x{n},genuine,2025-02-07T00:00:00+08:00,aged" for n in range(50)]
    taken_in(rows, labels)
    before = (list(Transaction.objects.values()), list(DailyTotal.objects.values()))

    done, rejected = taken_in(rows, labels)

    assert (done.transactions, done.labels) == (Taken(50, 0, 50, 0, 0), Taken(50, 0, 50, 0, 0))
    assert (done.merchants, done.stores, done.terminals, rejected) == (0, 0, 0, [])
    assert (list(Transaction.objects.values()), list(DailyTotal.objects.values())) == before


def test_the_same_id_with_another_body_is_reported_and_left_as_it_was() -> None:
    taken_in([line()])

    done, rejected = taken_in([line(amount="999.00"), line(external_id="x2")])

    assert done.transactions == Taken(2, 1, 0, 1, 0)
    assert [(r.line, r.field) for r in rejected] == [(2, "external_id")]
    assert Transaction.objects.order_by("id").values_list("amount_minor", flat=True)[0] == 27717


def test_a_line_that_comes_twice_in_one_file_counts_once() -> None:
    done, rejected = taken_in([line(), line(), line(amount="1.00")])

    assert done.transactions == Taken(3, 1, 1, 1, 0)
    assert [r.line for r in rejected] == [4]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("external_id", "", "must be 1 to 64 letters, digits or _.:-"),
        ("occurred_at", "2025-01-31T23:30:00", "has no offset from UTC"),
        ("occurred_at", "31/01/2025", "is not an ISO 8601 time"),
        (
            "occurred_at",
            "2999-01-01T00:00:00+08:00",
            "lies outside the years taken in",
        ),
        (
            "occurred_at",
            "0001-01-01T00:00:00+08:00",
            "lies outside the years taken in",
        ),
        ("card_token", "", "must be 1 to 64 characters of a token"),
        ("card_token", FULL_NUMBER, "is a card number"),
        ("external_id", FULL_NUMBER, "is a card number"),
        ("terminal_serial", FULL_NUMBER, "is a card number"),
        ("merchant_code", FULL_NUMBER, "is a card number"),
        (
            "card_token",
            "-".join(FULL_NUMBER[i : i + 4] for i in range(0, 16, 4)),
            "is a card number",
        ),
        ("amount", "0.00", "must be more than nothing"),
        ("amount", "-5.00", "must be more than nothing"),
        ("amount", "1.234", "is not a plain decimal of this currency"),
        ("amount", "1e3", "is not a plain decimal of this currency"),
        ("currency", "XXX", "is not a currency taken here"),
        ("type", "gift", "is not a kind of transaction"),
        ("status", "maybe", "must be approved, declined or reversed"),
        ("merchant_code", "M" * 21, "must be a merchant number"),
        ("terminal_serial", "a b", "must be a serial number"),
        ("terminal_serial", "N9A\t1", "must be a serial number"),
    ],
)
def test_a_bad_value_costs_its_own_line_only_and_is_not_repeated(
    field: str, value: str, why: str
) -> None:
    done, rejected = taken_in(
        [
            line(),
            line(external_id="x2") if field != "external_id" else "",
            line(**{"external_id": "bad", field: value}),
            line(external_id="x4"),
        ]
    )

    assert rejected == [Rejection("transactions", 4, field, why)]
    assert done.transactions.rejected == 1
    assert not HistoryKey.objects.filter(external_id="bad").exists()
    assert Terminal.objects.count() == Merchant.objects.count() == 1


def test_a_token_of_a_file_is_kept_as_the_doors_keep_it() -> None:
    same = "tok~4711+abc/de="
    taken_in([
        line(), line(external_id="x2"), line(external_id="x3", card_token=same),
    ])  # fmt: skip

    kept = list(Transaction.objects.order_by("id").values_list("card_token", flat=True))
    mine = fingerprint(GOOD["card_token"], purpose="card token")
    assert kept == [mine, mine, fingerprint(same, purpose="card token")]


def test_no_stored_hash_lets_a_token_be_tried_out() -> None:
    taken_in([line()])

    header = HEADER.split(",")
    over_the_token = read_row(line(), header, workspace="demo", latest=NOW, keyed=str)
    assert bytes(HistoryKey.objects.get().row_sha256) != over_the_token.row_sha256


def test_a_label_that_holds_a_card_number_is_refused_and_not_repeated() -> None:
    done, rejected = taken_in([line()], [f"x1,fraud,2025-02-07T00:00:00+08:00,{FULL_NUMBER}"])

    assert done.labels == Taken(1, 0, 0, 0, 1)
    assert rejected == [Rejection("labels", 2, "source", "is a card number")]
    assert Label.objects.count() == 0


def test_a_broken_line_does_not_swallow_its_neighbours() -> None:
    rows = [
        line(),
        '"x2,' + line(external_id="y"),
        line(external_id="x3") + ",more",
        "",
        line(external_id="x5"),
    ]

    done, rejected = taken_in(rows)

    assert done.transactions == Taken(4, 2, 0, 0, 2)
    assert [(r.line, r.why) for r in rejected] == [
        (3, "is not one line of CSV"),
        (4, "has 10 cells, not 9"),
    ]


def test_optional_columns_are_read_and_judged() -> None:
    header = f"{HEADER},mcc,card_type,entry_mode,response_code,lat,lon,operator,rrn"
    good = line() + ",5541,credit,contactless,00,31.230416,121.473701,01,250131000001"
    bad = line(external_id="x2") + ",55,,,,,,,"

    _done, rejected = taken_in([good, bad], header=header)

    row = Transaction.objects.get()
    assert (row.mcc, row.card_type, row.entry_mode) == ("5541", "CREDIT", "CONTACTLESS")
    assert (row.response_code, row.operator_no, row.rrn) == ("00", "01", "250131000001")
    assert (str(row.lat), str(row.lon)) == ("31.230416", "121.473701")
    assert rejected == [Rejection("transactions", 3, "mcc", "must be four digits")]


def test_what_is_declined_or_given_back_counts_as_it_should() -> None:
    taken_in([
        line(),
        line(external_id="x2", status="declined"),
        line(external_id="x3", type="refund", amount="7.17"),
        line(external_id="x4", type="preauth"),
    ])  # fmt: skip

    nets = Transaction.objects.order_by("id").values_list("kind", "net_minor")
    assert list(nets) == [("SALE", 27717), ("SALE", 0), ("REFUND", -717), ("PREAUTH", 0)]


def test_labels_keep_when_they_became_known() -> None:
    known = "2025-02-07T00:00:00+08:00"
    later = "2025-03-01T00:00:00+08:00"

    done, rejected = taken_in(
        [line(), line(external_id="x2")],
        [f"x1,fraud,{known},analyst", f"x1,genuine,{later},appeal", f"x2,odd,{known},",
         f"nobody,fraud,{known},", f"x1,genuine,{known},analyst"],
    )  # fmt: skip

    assert done.labels == Taken(5, 2, 0, 1, 2)
    assert sorted(rejected, key=lambda r: r.line) == [
        Rejection("labels", 4, "label", "must be fraud, genuine or unclear"),
        Rejection("labels", 5, "external_id", "is not a transaction of this workspace"),
        Rejection("labels", 6, "external_id",
                  "was taken in before, or stands above, with other contents"),
    ]  # fmt: skip
    kept = Label.objects.order_by("known_at").values_list("external_id", "label", "source")
    assert list(kept) == [("x1", "FRAUD", "analyst"), ("x1", "GENUINE", "appeal")]


def test_workspaces_do_not_mix() -> None:
    taken_in([line()])

    done = import_history(
        actor=IMPORTER, workspace="other", transactions=iter([HEADER, line(amount="1.00")]),
        labels=None, create_missing=True, now=NOW, reject=lambda _rejection: None,
    )  # fmt: skip

    assert done.transactions == Taken(1, 1, 0, 0, 0)
    assert len(set(Transaction.objects.values_list("reference", flat=True))) == 2


def test_nothing_is_half_written(a1041: Terminal) -> None:
    def interrupted() -> Iterator[str]:
        yield from [HEADER, line()]
        raise OSError("the disk is gone")

    with unchanged(a1041), pytest.raises(OSError, match="gone"):
        import_history(
            actor=IMPORTER, workspace="demo", transactions=interrupted(), labels=None,
            create_missing=True, now=NOW, reject=lambda _rejection: None,
        )  # fmt: skip

    assert Transaction.objects.count() == 0


def test_a_header_that_lacks_a_column_is_refused_whole() -> None:
    with unchanged(), pytest.raises(Unfit, match="header: lacks status"):
        taken_in([line()], header=HEADER.removesuffix(",status"))


def test_nobody_may_but_the_command(lin: Actor, olga: Actor) -> None:
    for actor in (lin, olga):
        with unchanged(), pytest.raises(MissingPermission):
            taken_in([line()], actor=actor)


def test_an_import_is_in_the_log() -> None:
    taken_in([line(), line(external_id="x2", amount="none")])

    entry = AuditEntry.objects.get(event="history.imported")
    assert entry.details == {"workspace": "demo", "rows": 1, "rejected": 1}
    assert (entry.actor_kind, entry.via) == ("SYSTEM", "COMMAND")


def test_a_retired_terminal_numbers_on_where_the_last_import_stopped() -> None:
    taken_in([line()])
    taken_in([line(external_id="x2", terminal_serial="N9A000002")])

    numbers = Terminal.objects.order_by("terminal_no").values_list("terminal_no", flat=True)
    assert list(numbers) == ["H0000001", "H0000002"]


def test_the_body_of_a_line_decides_its_hash() -> None:
    def body(**over: Any) -> bytes:
        header = HEADER.split(",")
        row = read_row(line(**over), header, workspace="w", latest=NOW, keyed=keyed)
        return row.row_sha256

    same_moment = "2025-01-31T15:30:00+00:00"
    assert body() == body(occurred_at=same_moment, amount="277.170", type="SALE")
    assert (
        len({body(), body(amount="277.18"), body(card_token="c_2"), body(status="reversed")}) == 4
    )
