"""The web server as a process: ``python -m portal.serve``, with granian's own options after it.

The portal is loaded before granian forks its workers, so they share what is loaded, start at
once, and are back at once should one be killed. None outlives granian: it would keep the port.
With HOLD=1 it serves only once its standard input ends, so that it can load while the database
is still being prepared.
"""

import gc
import os
import sys
from importlib import import_module

from portal.servers import guard_forks


def main() -> None:
    """Load every page, then serve."""
    # All of it stays, so looking for what could go would cost a fifth of the time; and looking
    # later, in a worker, would copy every shared page.
    gc.disable()
    import_module("portal.wsgi")
    list(import_module("django.urls").get_resolver().url_patterns)
    serve = import_module("granian.cli").cli
    gc.freeze()
    gc.enable()
    guard_forks()
    if os.environ.pop("HOLD", "") == "1":
        sys.stdin.read()
    serve(auto_envvar_prefix="GRANIAN")


if __name__ == "__main__":
    main()
