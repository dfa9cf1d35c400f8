"""The web server as a process: ``python -m portal.serve``, with granian's own options after it.

The portal is loaded before granian forks its workers, so they share what is loaded, start at
once, and are back at once should one be killed. None outlives granian: it would keep the port.
With HOLD=1 it serves only once its standard input ends, so that it can load while the database
is still being prepared.
"""

import gc
import os
import resource
import sys
from importlib import import_module

from portal.servers import guard_forks

OPEN_FILES = 8192  # each line is one, however little its client says


def main() -> None:
    """Load every page, then serve."""
    allow_files()
    # All of it stays, so looking for what could go would cost a fifth of the time; and looking
    # later, in a worker, would copy every shared page.
    gc.disable()
    if asked := os.environ.pop("GRANIAN_BLOCKING_THREADS", ""):
        os.environ.setdefault("WEB_THREADS", asked)
    import_module("portal.asgi")
    list(import_module("django.urls").get_resolver().url_patterns)
    serve = import_module("granian.cli").cli
    gc.freeze()
    gc.enable()
    guard_forks()
    if os.environ.pop("HOLD", "") == "1":
        sys.stdin.read()
    serve(auto_envvar_prefix="GRANIAN")


def allow_files() -> None:
    """Raise the number of files this process may open, as far as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    main()
