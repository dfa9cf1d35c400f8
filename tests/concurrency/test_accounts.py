"""Many at once at the doors of people: each limit and each code holds exactly."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import settings
from django.db.transaction import atomic
from django.test import Client
from django.utils import timezone

from portal.accounts.actions import factors
from portal.accounts.actions.sign_in import PER_ADDRESS
from portal.accounts.actor import actor_of
from portal.accounts.models import AuthenticatorDevice, RecoveryCode, User, UserSession
from portal.kit.scope import through_gate
from portal.limits.actions import OverLimit, take
from tests.cast import Cast
from tests.door import Clock, code_of, give_authenticator, open_session

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

Together = Callable[[int, Callable[[], object]], dict[str, int]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the one-time-code library reads."""
    clock = Clock(1_800_000_000)
    monkeypatch.setattr("django_otp.oath.time", clock)
    return clock


def give(user: User) -> bytes:
    with atomic():
        return give_authenticator(user, now=timezone.now())


def waiting(user: User, count: int) -> list[Client]:
    """Browsers that gave the password."""
    clients = [Client() for _ in range(count)]
    for client in clients:
        open_session(client, user, otp=False)
    return clients


def signed_in() -> int:
    with through_gate(), atomic():
        return UserSession.objects.filter(otp_at__isnull=False, ended_at=None).count()


def test_of_twenty_browsers_with_one_code_one_gets_in(
    everybody: Cast, clock: Clock, together: Together
) -> None:
    lin = everybody.user("lin")
    seed = give(lin)
    clients, code = waiting(lin, 20), code_of(seed)

    statuses: Counter[int] = Counter()

    def enter() -> None:
        statuses[clients.pop().post("/sign-in/code/", {"code": code}).status_code] += 1

    assert together(20, enter) == {"done": 20}
    assert (statuses, signed_in()) == (Counter({422: 19, 302: 1}), 1)
    with through_gate(), atomic():
        assert AuthenticatorDevice.objects.get().throttling_failure_count == 0


def test_of_twenty_browsers_with_one_recovery_code_one_gets_in(
    everybody: Cast, clock: Clock, together: Together, noon: datetime
) -> None:
    lin = everybody.user("lin")
    give(lin)
    with atomic():
        codes = factors.make_recovery_codes(lin, actor=actor_of(lin, proven=True), now=noon)
    clients = waiting(lin, 10)
    statuses: Counter[int] = Counter()

    def enter() -> None:
        answer = clients.pop().post("/sign-in/recovery/", {"code": codes[0]})
        statuses[answer.status_code] += 1

    assert together(10, enter) == {"done": 10}
    assert (statuses, signed_in()) == (Counter({422: 9, 302: 1}), 1)
    with through_gate(), atomic():
        assert RecoveryCode.objects.filter(used_at__isnull=False).count() == 1


def test_of_fifty_passwords_for_one_name_at_once_eight_are_looked_at(
    everybody: Cast, together: Together
) -> None:
    statuses: Counter[int] = Counter()

    def guess() -> None:
        answer = Client().post("/sign-in/", {"username": "lin", "password": "wrong 1 wrong"})
        statuses[answer.status_code] += 1

    together(50, guess)

    assert statuses == Counter({422: settings.AXES_FAILURE_LIMIT, 429: 42})
    with through_gate(), atomic():
        assert not UserSession.objects.exists()


@pytest.mark.parametrize("limit", [1, 7, 49])
def test_of_fifty_at_once_exactly_the_limit_pass(
    everybody: Cast, together: Together, limit: int, noon: datetime
) -> None:
    def use() -> None:
        with atomic():
            take(name="test", key="k", limit=limit, window_seconds=60, now=noon)

    assert together(50, use) == {"done": limit, OverLimit.__name__: 50 - limit}


def test_one_address_cannot_try_many_names(everybody: Cast, together: Together) -> None:
    with atomic():
        for _ in range(PER_ADDRESS - 5):
            take(
                name="sign_in_address",
                key="127.0.0.1",
                limit=PER_ADDRESS,
                window_seconds=600,
                now=timezone.now(),
            )
    names = [f"name{n}" for n in range(20)]
    statuses: Counter[int] = Counter()

    def guess() -> None:
        answer = Client().post("/sign-in/", {"username": names.pop(), "password": "wrong 1"})
        statuses[answer.status_code] += 1

    together(20, guess)

    assert statuses == Counter({422: 5, 429: 15})


def test_of_eight_new_authenticators_confirmed_at_once_one_counts(
    everybody: Cast, clock: Clock, together: Together
) -> None:
    lin = everybody.user("lin")
    with through_gate(), atomic():
        seed = factors.begin_enrolment(lin).seed
    code = code_of(seed)

    def confirm() -> None:
        with atomic():
            factors.confirm_enrolment(lin, code, actor=actor_of(lin), now=timezone.now())

    outcome = together(8, confirm)

    assert outcome["done"] == 1
    with through_gate(), atomic():
        assert AuthenticatorDevice.objects.filter(confirmed=True).count() == 1
        assert RecoveryCode.objects.count() == 10
