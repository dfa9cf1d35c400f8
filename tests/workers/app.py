"""The product's own Celery app, with the kinds of jobs that the tests ask for."""

from django.conf import settings

from portal.celery import app

KINDS = ("write", "fail", "refuse", "wait_for")
settings.JOB_HANDLERS = {
    **settings.JOB_HANDLERS,
    **{f"test.{kind}": f"tests.portal.jobs.handlers.{kind}" for kind in KINDS},
}

SECRET = "the-inner-detail"


@app.task(name="test.break_down", ignore_result=True)
def break_down() -> None:
    """Break, as a task might."""
    raise ZeroDivisionError(SECRET)


__all__ = ["SECRET", "app", "break_down"]
