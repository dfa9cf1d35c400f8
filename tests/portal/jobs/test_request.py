"""Asking for long work, and stopping it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.audit.models import AuditEntry
from portal.jobs import actions, queries
from portal.jobs.models import Job
from portal.kit.actor import ANONYMOUS, Actor, ActorKind, MissingPermission
from portal.kit.paging import decode
from portal.kit.scope import acting_as, scope_of
from tests.cast import SYSTEM
from tests.portal.jobs.conftest import Clock

Ask = Callable[..., Job]
pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def entries(job: Job) -> list[tuple[str, str]]:
    found = AuditEntry.objects.filter(subject_type="job", subject_id=str(job.pk)).order_by("id")
    return list(found.values_list("event", "actor_label"))


def test_a_job_is_a_row_and_an_entry(lin: Actor, ask: Ask, clock: Clock) -> None:
    with acting_as(scope_of(lin)):
        job = ask(lin, title="Day summary")

    assert (job.state, job.title, job.merchant_id) == ("QUEUED", "Day summary", lin.merchant_id)
    assert (job.requested_by_id, job.due_at) == (lin.id, clock())
    assert entries(job) == [("job.requested", "lin")]


def test_the_same_key_is_the_same_job(lin: Actor, ask: Ask) -> None:
    first, second = ask(lin), ask(lin, title="Another title")

    assert second.pk == first.pk
    assert second.title == "Report"
    assert entries(first) == [("job.requested", "lin")]


def test_two_people_with_one_key_get_a_job_each_and_see_their_own(
    lin: Actor, wu: Actor, ask: Ask
) -> None:
    with acting_as(scope_of(lin)):
        hers = ask(lin)
    with acting_as(scope_of(wu)):
        his = ask(wu)

        assert hers.pk != his.pk
        assert [job.pk for job in queries.list_jobs(wu).rows] == [his.pk]
        with pytest.raises(Job.DoesNotExist):
            queries.get_job(wu, hers.pk)


def test_a_colleague_does_not_see_the_job_either(lin: Actor, mei: Actor, ask: Ask) -> None:
    job = ask(lin)

    with pytest.raises(Job.DoesNotExist):
        queries.get_job(mei, job.pk)


@pytest.mark.parametrize(
    "stranger", [ANONYMOUS, Actor(kind=ActorKind.TERMINAL, label="A-1041", id=1)]
)
def test_who_is_not_a_person_sees_no_job(lin: Actor, ask: Ask, stranger: Actor) -> None:
    ask(lin)
    ask(SYSTEM)

    assert list(queries.list_jobs(stranger).rows) == []


def test_nobody_who_is_not_signed_in_may_ask(ask: Ask, unchanged: Callable[..., object]) -> None:
    with unchanged(), pytest.raises(MissingPermission):  # type: ignore[attr-defined]
        ask(ANONYMOUS)


def test_a_cancelled_job_stays_cancelled(lin: Actor, ask: Ask, clock: Clock) -> None:
    job = ask(lin)

    actions.cancel(job, actor=lin, now=clock.move(seconds=3))

    job.refresh_from_db()
    assert (job.state, job.finished_at) == ("CANCELLED", clock())
    assert actions.run_due(clock=clock) == 0
    assert entries(job) == [("job.requested", "lin"), ("job.cancelled", "lin")]
    with pytest.raises(actions.AlreadyFinished):
        actions.cancel(job, actor=lin, now=clock())


def test_nobody_cancels_the_job_of_another(
    lin: Actor, wu: Actor, ask: Ask, clock: Clock, unchanged: Callable[..., object]
) -> None:
    job = ask(lin)

    with unchanged(job), pytest.raises(actions.AlreadyFinished):  # type: ignore[attr-defined]
        actions.cancel(job, actor=wu, now=clock())


def test_a_job_that_ended_badly_starts_anew_when_asked_again(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin)
    actions.cancel(job, actor=lin, now=clock())
    clock.move(minutes=1)

    again = ask(lin)

    assert (again.pk, again.state, again.created_at) == (job.pk, "QUEUED", clock())
    assert [event for event, _who in entries(job)].count("job.requested") == 2


def test_the_list_is_cut_into_pages_that_meet(lin: Actor, ask: Ask, clock: Clock) -> None:
    asked = []
    for number in range(120):
        clock.move(seconds=number % 2)
        asked.append(ask(lin, effect_key=str(number)).pk)

    seen, cursor = [], None
    for _page in range(3):
        page = queries.list_jobs(lin, cursor=cursor)
        seen += [job.pk for job in page.rows]
        cursor = decode(page.next) if page.next else None
    back = queries.list_jobs(lin, cursor=decode(page.previous or ""))

    assert sorted(seen, key=str) == sorted(asked, key=str)
    assert [job.pk for job in back.rows] == seen[50:100]
    assert Job.objects.get(pk=seen[0]).created_at > Job.objects.get(pk=seen[-1]).created_at
    assert Job.objects.get(pk=seen[0]).created_at - clock() < timedelta(seconds=1)
