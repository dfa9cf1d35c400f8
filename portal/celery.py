"""The Celery application: every task runs as the worker's database role."""

import gc
import os
from typing import Any

from celery import Celery, Task
from celery.signals import worker_before_create_process, worker_init

from portal import checks
from portal.kit.scope import WORKER, acting_as
from portal.schedule import BEAT, TASK_MODULES
from portal.servers import guard_forks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class WorkerTask(Task[Any, Any]):
    """A task under the worker's scope."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as the worker."""
        with acting_as(WORKER):
            return super().__call__(*args, **kwargs)


app = Celery("portal", task_cls=WorkerTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = BEAT
app.autodiscover_tasks(TASK_MODULES)


@worker_init.connect
def end_pool_with_worker(**_details: object) -> None:
    """Let no process of the pool outlive the worker, not even one born as it is killed."""
    guard_forks()


@worker_init.connect
def refuse_unguarded(**_details: object) -> None:
    """Do not start against a database that does not protect its rows."""
    try:
        checks.refuse_unguarded()
    except checks.Unguarded as reason:
        raise SystemExit(str(reason)) from reason


@worker_before_create_process.connect
def share_memory(**_details: object) -> None:
    """Keep collections in the pool's processes from copying what they share with the worker."""
    gc.collect()
    gc.freeze()
