"""The whole timetable: one line per sweep, and where the tasks live."""

from typing import Any

TASK_MODULES = [
    "portal.accounts",
    "portal.jobs",
    "portal.limits",
    "terminals.fleet",
    "terminals.presence",
]

LINES: dict[str, dict[str, Any]] = {
    "jobs": {"task": "portal.jobs.tasks.run_due_jobs", "schedule": 5},
    "outbox": {"task": "portal.jobs.tasks.relay_outbox", "schedule": 5},
    "limits": {"task": "portal.limits.tasks.forget_finished", "schedule": 600},
    "sessions": {"task": "portal.accounts.tasks.end_stale_sessions", "schedule": 300},
    "accounts": {"task": "portal.accounts.tasks.close_unused_accounts", "schedule": 21_600},
    "partitions": {"task": "portal.jobs.tasks.prepare_months", "schedule": 21_600},
    "results": {"task": "portal.jobs.tasks.forget_results", "schedule": 3600},
    "codes": {"task": "terminals.fleet.tasks.forget_read_codes", "schedule": 60},
    "presence": {"task": "terminals.presence.tasks.sweep_overdue", "schedule": 15},
}

# A sweep that waited until the next one is due has nothing left to add: with no worker for an
# hour, the queue holds one message a line and not thousands.
BEAT = {
    name: {**line, "options": {"expires": line["schedule"], **line.get("options", {})}}
    for name, line in LINES.items()
}
