"""Language, light, keys, columns and saved views: whose they are and where they hold."""

import pytest
from django.test import Client
from pytest_django import Settings

from portal.accounts.actions import lists
from portal.accounts.models import ListPreference, SavedView, User
from portal.accounts.queries import find_list_preference, find_saved_view, list_saved_views
from portal.audit.models import AuditEntry
from portal.kit.scope import through_gate
from tests.cast import PASSWORD, Cast
from tests.door import code_of, open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def fresh(user: User) -> User:
    with through_gate():
        return User.objects.get(pk=user.pk)


def test_before_signing_in_the_browser_keeps_the_choice(
    client: Client, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "zh-hans"
    assert '<html lang="zh-hans"' in client.get("/sign-in/").content.decode()

    answer = client.post("/language/", {"language": "en", "next": "/sign-in/?next=/roles/"})
    client.post("/theme/", {"theme": "dark", "next": "/sign-in/"})

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/roles/")
    assert '<html lang="en" data-theme="dark"' in client.get("/sign-in/").content.decode()


def test_after_signing_in_the_account_keeps_it(client: Client, owner: User) -> None:
    open_session(client, owner)
    client.post("/language/", {"language": "zh-hans", "next": "/security/"})
    client.post("/theme/", {"theme": "light"})
    client.post("/single-keys/", {"single_keys": "off"})

    kept = fresh(owner)
    assert (kept.language, kept.theme, kept.single_keys) == ("zh-hans", "LIGHT", False)
    elsewhere = Client()
    open_session(elsewhere, owner)
    page = elsewhere.get("/security/").content.decode()
    assert '<html lang="zh-hans" data-theme="light"' in page
    assert 'data-single-keys="off"' in page
    changed = AuditEntry.objects.filter(event="user.preferences_changed").order_by("at")
    assert [entry.details["changed"] for entry in changed] == [
        ["language"],
        ["theme"],
        ["single_keys"],
    ]


def test_the_language_chosen_on_the_way_in_becomes_the_persons(
    client: Client, owner: User, seed: bytes
) -> None:
    client.post("/language/", {"language": "zh-hans"})
    client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    client.post("/sign-in/code/", {"code": code_of(seed)})

    assert fresh(owner).language == "zh-hans"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/language/", {"language": "xx"}),
        ("/theme/", {"theme": "pink"}),
        ("/single-keys/", {"single_keys": "maybe"}),
    ],
)
def test_what_we_do_not_offer_changes_nothing(
    client: Client, owner: User, path: str, sent: dict[str, str]
) -> None:
    open_session(client, owner)

    answer = client.post(path, {**sent, "next": "https://evil.example/"})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    kept = fresh(owner)
    assert (kept.language, kept.theme, kept.single_keys) == ("en", "AUTO", True)


def test_the_page_of_preferences_keeps_all_three(client: Client, owner: User) -> None:
    open_session(client, owner)

    answer = client.post("/security/preferences/", {"language": "zh-hans", "theme": "DARK"})

    kept = fresh(owner)
    assert answer.status_code == 302
    assert (kept.language, kept.theme, kept.single_keys) == ("zh-hans", "DARK", False)


def test_columns_and_density_are_kept_for_a_list(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))

    answer = client.post(
        "/lists/transactions/columns/",
        {"columns": ["at", "amount"], "density": "compact", "next": "/roles/"},
    )

    kept = find_list_preference(cast.actor("lin"), "transactions")
    assert (answer.status_code, answer["Location"]) == (302, "/roles/")
    assert kept is not None
    assert (kept.columns, kept.compact) == (["at", "amount"], True)
    assert find_list_preference(cast.actor("mei"), "transactions") is None
    client.post("/lists/transactions/columns/", {"columns": ["at"]})
    with through_gate():
        assert ListPreference.objects.count() == 1


def save(client: Client, name: str, role: str = "", **more: str) -> int:
    answer = client.post(
        "/lists/transactions/views/",
        {"name": name, "query": "status=DECLINED", "shared_with_role": role, **more},
    )
    return answer.status_code


def names(cast: Cast, who: str) -> list[str]:
    return [view.name for view in list_saved_views(cast.actor(who), "transactions")]


def test_a_view_is_saved_replaced_and_deleted(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))
    save(client, "Declined")
    save(client, "Declined", query="status=HELD")
    view = list_saved_views(cast.actor("lin"), "transactions")[0]

    assert (names(cast, "lin"), view.query) == (["Declined"], "status=HELD")
    assert find_saved_view(cast.actor("lin"), "transactions", view.slug) == view
    gone = client.post(f"/lists/transactions/views/{view.slug}/delete/")
    assert (gone.status_code, names(cast, "lin")) == (302, [])
    said = AuditEntry.objects.filter(event__startswith="view.").order_by("at")
    assert [(entry.event, entry.details["name"]) for entry in said] == [
        ("view.saved", "Declined"),
        ("view.saved", "Declined"),
        ("view.deleted", "Declined"),
    ]


def test_a_shared_view_is_seen_by_that_role_of_the_same_merchant_alone(
    client: Client, cast: Cast
) -> None:
    open_session(client, cast.user("max"))
    save(client, "Private")
    save(client, "For owners", "OWNER")

    assert (names(cast, "max"), names(cast, "lin")) == (["Private", "For owners"], ["For owners"])
    assert (names(cast, "mei"), names(cast, "wu"), names(cast, "olga")) == ([], [], [])


def test_a_shared_view_is_deleted_by_its_owner_alone(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("max"))
    save(client, "For owners", "OWNER")
    view = list_saved_views(cast.actor("lin"), "transactions")[0]
    other = Client()
    open_session(other, cast.user("lin"))

    answer = other.post(f"/lists/transactions/views/{view.slug}/delete/")

    assert (answer.status_code, names(cast, "lin")) == (404, ["For owners"])


def test_a_person_keeps_at_most_fifty_views_of_a_list(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))
    for n in range(lists.MOST_VIEWS + 1):
        save(client, f"View {n}")

    with through_gate():
        assert SavedView.objects.count() == lists.MOST_VIEWS


def test_a_view_without_a_name_is_not_saved(client: Client, cast: Cast) -> None:
    open_session(client, cast.user("lin"))

    assert save(client, " ") == 302
    assert names(cast, "lin") == []
