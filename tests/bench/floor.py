"""The physical limit of a page: its SQL alone, prepared, in a process of its own.

``python -m tests.bench.floor DSN`` reads one JSON request a line ({"sql", "parameters",
"times"}) and answers with the seconds of each run, all rows fetched.
"""

from __future__ import annotations

import json
import sys
import time

import psycopg


def main() -> None:
    """Answer until the other side closes the pipe."""
    with psycopg.connect(sys.argv[1], autocommit=True) as link:
        for line in sys.stdin:
            request = json.loads(line)
            seconds = []
            rows = 0
            for _ in range(int(request["times"])):
                began = time.perf_counter()
                found = link.execute(request["sql"], request["parameters"], prepare=True)
                rows = len(found.fetchall())
                seconds.append(time.perf_counter() - began)
            sys.stdout.write(json.dumps({"seconds": seconds, "rows": rows}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
