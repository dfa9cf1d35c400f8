"""Every table: listed, constrained, protected."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, models

from portal.kit.scope import acting_as
from tests.architecture.tree import APPS, ROOT

APPEND_ONLY = {
    "AuditEntry",
    "LinkEvent",
    "Transaction",
    "IntakeKey",
    "HistoryKey",
    "Label",
}
CHANGING = {
    "ActivationCode",
    "AuthenticatorDevice",
    "CodeSheet",
    "DailyTotal",
    "DeviceKey",
    "GivenBack",
    "IngestWatermark",
    "Job",
    "ListPreference",
    "Liveness",
    "Membership",
    "Merchant",
    "OutboxMessage",
    "PasswordHistory",
    "RateWindow",
    "RecoveryCode",
    "RegisteredSerial",
    "RegistryImport",
    "SavedView",
    "SignIn",
    "StepUp",
    "Store",
    "Terminal",
    "TerminalOperator",
    "User",
    "UserSession",
}
OURS = [model for app in APPS for model in apps.get_app_config(app).get_models()]


def test_every_table_is_listed_as_changing_or_append_only() -> None:
    assert {model.__name__ for model in OURS} == APPEND_ONLY | CHANGING


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_choice_is_also_a_constraint(model: type[models.Model]) -> None:
    constrained = " ".join(
        str(c.condition) for c in model._meta.constraints if isinstance(c, models.CheckConstraint)
    )
    free = [
        field.name
        for field in model._meta.get_fields()
        if getattr(field, "choices", None) and f"'{field.name}" not in constrained
    ]

    assert free == []


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_no_table_has_an_order_of_its_own(model: type[models.Model]) -> None:
    assert list(model._meta.ordering or ()) == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_no_migration_is_missing() -> None:
    with acting_as(None):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_migration_is_named_by_hand() -> None:
    made_up = [
        path.name
        for app in APPS
        for path in (ROOT / app / "migrations").glob("0*.py")
        if "auto_" in path.name or path.name.endswith("_initial.py")
    ]

    assert made_up == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_append_only_tables_have_their_trigger() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select distinct c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " where t.tgname = 'append_only' and not c.relispartition"
        )
        guarded = {row[0] for row in cursor.fetchall()}

    assert guarded == {m._meta.db_table for m in OURS if m.__name__ in APPEND_ONLY}
