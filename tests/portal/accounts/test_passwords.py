"""One hundred passwords under each profile, and what is remembered of the former ones."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.accounts import hashers
from portal.accounts.actions import people
from portal.accounts.actor import actor_of
from portal.accounts.hashers import Argon2id
from portal.accounts.models import PasswordHistory, User
from portal.jobs.models import OutboxMessage
from portal.kit.scope import through_gate
from portal.limits.actions import OverLimit
from tests.cast import PASSWORD
from tests.door import open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

# password, then whether it passes under asvs, pci and mlps3
A, P, M = "asvs", "pci", "mlps3"
TABLE: list[tuple[str, str]] = [
    # length
    ("", ""),
    ("a", ""),
    ("aB3$", ""),
    ("aB3$efg", ""),
    ("aB3$efgh", ""),
    ("kettle9boi", ""),
    ("kettle9boil", ""),
    ("kettle9boils", P),
    ("Kettle9boils", f"{P} {M}"),
    ("Kettle9boil", ""),
    ("kettle9 boils", f"{P} {M}"),
    ("kettle9boils!!", f"{P} {M}"),
    ("kettle9boils!!x", f"{A} {P} {M}"),
    ("kettle boils nine", A),
    ("Kettle boils Nine", f"{A} {M}"),
    ("kettleboilsnine", A),
    ("kettleboilsnin", ""),
    ("kettleboilsnin9", f"{A} {P}"),
    # letters and digits
    ("493817260594", ""),
    ("4938172605941", ""),
    ("493817260594138", A),
    ("4938a7260594", P),
    ("4938 7260594", ""),
    ("4938-7260-5941-38", A),
    ("4938-7260-5941-3x", f"{A} {P} {M}"),
    ("wxyzabuvcdkl", ""),
    ("wxyzabuvcdk1", P),
    ("WXYZABUVCDK1", P),
    ("WXYZabuvcdk1", f"{P} {M}"),
    ("wxyzabuvcd-1", f"{P} {M}"),
    ("WXYZ-abuvcdk", M),
    ("WXYZ-ABUVCDK", ""),
    ("wxyz-abuv-cdk-lmn", A),
    # every script counts as letters
    ("锅里的水在沸腾今天九点", ""),
    ("锅里的水在沸腾今天九点钟", ""),
    ("锅里的水在沸腾今天九点钟9", P),
    ("锅里的水在沸腾今天早上九点半钟了吧", A),
    ("锅里的水在沸腾今天早上九点半钟9", f"{A} {P}"),
    ("Wasser kocht 9 mal", f"{A} {P} {M}"),
    ("éèêëàâùûôöîïç9a", f"{A} {P} {M}"),
    ("éèêëàâùûôöîïç9", P),
    ("чайник кипит 9 раз", f"{A} {P}"),
    ("Чайник кипит девять", A),
    # few different characters
    ("aaaaaaaaaaaaaaa1", ""),
    ("abababababab1212", ""),
    ("abcabcabcabcabc1", ""),
    ("abcdabcdabcd1111", f"{A} {P}"),
    ("1111111111111111", ""),
    ("121212121212121a", ""),
    # common ones, whole
    ("password", ""),
    ("password1", ""),
    ("123456789012", ""),
    ("qwertyuiop12", ""),
    ("1234567890qwertyuiop", ""),
    ("iloveyou1234", P),
    ("1q2w3e4r5t6y", ""),
    ("abcd1234efgh", P),
    ("qwerty123456", ""),
    ("passw0rdpassw0rd", ""),
    ("unbelievable", ""),
    ("mypassword123", ""),
    ("Password12345", ""),
    ("p@ssword123456", ""),
    ("T3rmin4l-kettle-9", ""),
    # words of the product
    ("countinghouse9x", ""),
    ("CountingHouse-99-x", ""),
    ("my-countinghouse-9", ""),
    ("账房账房账房账房账房账房9abcde", ""),
    ("the portal is 9 m", ""),
    ("merchant-900-xyz", ""),
    ("Terminal-900-xyz", ""),
    ("terminus-900-xyz", f"{A} {P} {M}"),
    # words of the person: lin, Lin Xiao, lin@noodle.example
    ("lin-kettle-9-boils", ""),
    ("LIN-kettle-9-boils", ""),
    ("kettle-xiao-9-boil", ""),
    ("boiling-kettle-9-x", ""),
    ("noodle-kettle-9-bo", f"{A} {P} {M}"),
    ("kettle-9-boi-Lin", ""),
    # phrases
    ("correct horse battery", A),
    ("correct horse 8 battery", f"{A} {P} {M}"),
    ("Correct Horse Battery Staple", f"{A} {M}"),
    ("seven green kettles boil 4 us", f"{A} {P} {M}"),
    ("tea at 4 under trees", f"{A} {P} {M}"),
    ("tea-at-four-under-trees", A),
    ("TeaAtFourUnderTrees", A),
    ("TeaAt4UnderTrees", f"{A} {P} {M}"),
    ("teaat4undertrees", f"{A} {P}"),
    ("TEAAT4UNDERTREES", f"{A} {P}"),
    # odd characters
    ("tab\tinside it 9x", f"{A} {P} {M}"),
    ("  spaces around 9 ", f"{A} {P} {M}"),
    ("emoji 🙂 kettle 9", f"{A} {P} {M}"),
    ("🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃", ""),
    ("quote'\"; drop 9 table", f"{A} {P} {M}"),
    ("%s%s%s%n kettle 9", f"{A} {P} {M}"),
    ("<b>kettle</b> 9 boils", f"{A} {P} {M}"),
    ("null-byte kettle 9 x", f"{A} {P} {M}"),
    # long ones
    ("k9" + "ettle boi" * 7, f"{A} {P} {M}"),
    ("k9" + "ettle boi" * 14, f"{A} {P} {M}"),
    ("k9" + "ettle boi" * 14 + "xy", ""),
    ("k9" + "ettle boi" * 40, ""),
]
FRESH = "seven green kettles boil {}"


@pytest.fixture
def person(owner: User) -> User:
    owner.display_name, owner.email = "Lin Xiao", "lin@noodle.example"
    return owner


def passes(password: str, user: User) -> bool:
    try:
        validate_password(password, user)
    except ValidationError:
        return False
    return True


def test_the_table_has_a_hundred_rows() -> None:
    assert (len(TABLE), len({row[0] for row in TABLE})) == (100, 100)


@pytest.mark.parametrize("profile", [A, P, M])
def test_each_password_passes_just_where_it_should(
    person: User, settings: Settings, profile: str
) -> None:
    settings.PASSWORD_PROFILE = profile
    wrong = {
        password: accepted
        for password, accepted in TABLE
        if passes(password, person) is not (profile in accepted.split())
    }

    assert wrong == {}


def test_argon2_has_the_parameters_owasp_names() -> None:
    encoded = make_password("seven green kettles boil 4 us")

    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert Argon2id().verify("seven green kettles boil 4 us", encoded)


def change(user: User, current: str, new: str, *, hours: int = 0) -> None:
    people.change_own_password(
        user,
        current=current,
        new=new,
        session_id=None,
        actor=actor_of(user, proven=True),
        now=timezone.now() + timedelta(hours=hours),
    )


def test_none_of_the_last_four_comes_back(owner: User) -> None:
    chain = [PASSWORD, *(FRESH.format(n) for n in range(1, 6))]
    for hours, (current, new) in enumerate(pairwise(chain)):
        change(owner, current, new, hours=hours)

    for former in chain[1:]:
        with pytest.raises(people.PasswordRefused):
            change(owner, chain[-1], former, hours=10)
    change(owner, chain[-1], PASSWORD, hours=11)
    assert owner.check_password(PASSWORD)
    with through_gate():
        assert PasswordHistory.objects.filter(user=owner).count() == 4


def test_a_wrong_current_password_changes_nothing(owner: User) -> None:
    before = owner.password

    with pytest.raises(people.WrongPassword):
        change(owner, "wrong 1 wrong", FRESH.format(1))

    with through_gate():
        assert User.objects.get(pk=owner.pk).password == before


def test_guessing_the_current_password_ends_after_ten_tries(owner: User) -> None:
    for _ in range(10):
        with pytest.raises(people.WrongPassword):
            change(owner, "wrong 1 wrong", FRESH.format(1))

    with pytest.raises(OverLimit):
        change(owner, PASSWORD, FRESH.format(1))


def test_a_change_is_told_by_mail(owner: User) -> None:
    owner.email = "lin@noodle.example"
    change(owner, PASSWORD, FRESH.format(1))

    assert OutboxMessage.objects.get().payload["notice"] == "password_changed"


def test_the_page_says_what_is_wrong_and_changes_nothing(client: Client, owner: User) -> None:
    open_session(client, owner, proven=("account.secure",))

    short = client.post(
        "/security/password/", {"current": PASSWORD, "new": "short 1", "repeated": "short 1"}
    )
    unlike = client.post(
        "/security/password/", {"current": PASSWORD, "new": FRESH.format(1), "repeated": "other"}
    )
    wrong = client.post(
        "/security/password/",
        {"current": "wrong", "new": FRESH.format(1), "repeated": FRESH.format(1)},
    )

    assert [answer.status_code for answer in (short, unlike, wrong)] == [422] * 3
    assert "Use at least 12 characters." in short.content.decode()
    assert "The two new passwords differ." in unlike.content.decode()
    assert "That is not your current password." in wrong.content.decode()


def test_an_overdue_password_must_be_changed_first(
    client: Client, owner: User, settings: Settings
) -> None:
    settings.PASSWORD_PROFILE = M
    open_session(client, owner)
    assert client.get("/roles/").status_code == 302
    with through_gate():
        User.objects.update(password_changed_at=timezone.now() - timedelta(days=89))
    assert client.get("/roles/").status_code == 200
    with through_gate():
        User.objects.update(password_changed_at=timezone.now() - timedelta(days=90))

    assert client.get("/roles/")["Location"] == "/security/password/"
    assert client.get("/security/password/")["Location"].startswith("/step-up/")


@pytest.mark.parametrize("profile", [A, P])
def test_the_other_profiles_never_force_a_change(
    client: Client, owner: User, settings: Settings, profile: str
) -> None:
    settings.PASSWORD_PROFILE = profile
    open_session(client, owner)
    with through_gate():
        User.objects.update(password_changed_at=timezone.now() - timedelta(days=4000))

    assert client.get("/roles/").status_code == 200


def test_when_every_place_is_taken_the_page_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.01)
    for _ in range(hashers.AT_ONCE):
        hashers.take_place()
    try:
        answer = client.post("/sign-in/", {"username": "lin", "password": PASSWORD})
    finally:
        for _ in range(hashers.AT_ONCE):
            hashers.give_place_back()

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
