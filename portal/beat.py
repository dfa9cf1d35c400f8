"""The timetable as a process: ``python -m portal.beat FILE``, FILE holds what ran when.

It is Celery's own beat without Django's set-up: it only sends names, so it need not load a
single model and stays at half the size. A line's queue therefore stands in the timetable.
"""

import logging.config
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from celery import Celery
from celery.beat import Service
from django.conf import settings

from portal.schedule import BEAT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def main(schedule_file: str) -> None:
    """Send what is due until told to stop."""
    logging.config.dictConfig(settings.LOGGING)
    app = Celery("portal", fixups=[], set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.beat_schedule = BEAT
    signal.signal(signal.SIGTERM, _leave)
    Service(app, schedule_filename=schedule_file).start()


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)  # the service writes its file on the way out


if __name__ == "__main__":
    main(sys.argv[1])
