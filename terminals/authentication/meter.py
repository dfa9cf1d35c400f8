"""A cheap cap on how much one sender may say, looked at before any arithmetic of keys.

Kept in the memory of each web process, so it costs no query; it stops a flood, it does not
count exactly. What must be exact (passwords, codes) is counted in the database.
"""

from collections.abc import Hashable
from threading import Lock

WINDOW_SECONDS = 10
BUDGET = 5000
PRICE_OF_REFUSAL = 100
MOST_SENDERS = 50_000


class Meter:
    """What each sender has used up in the current window."""

    def __init__(self) -> None:
        self._window = 0
        self._used: dict[Hashable, int] = {}
        self._lock = Lock()

    def charge(self, sender: Hashable, moment: float, price: int = 1) -> int:
        """Charge a sender; return 0, or the seconds to wait if its budget is used up."""
        window = int(moment) // WINDOW_SECONDS
        with self._lock:
            if window != self._window or len(self._used) > MOST_SENDERS:
                self._window = window
                self._used.clear()
            used = self._used[sender] = self._used.get(sender, 0) + price
        if used <= BUDGET:
            return 0
        return max(1, (window + 1) * WINDOW_SECONDS - int(moment))


METER = Meter()
