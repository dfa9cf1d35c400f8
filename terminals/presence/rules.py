"""How often a terminal should be heard, and when silence means something."""

from dataclasses import dataclass
from datetime import timedelta

SHORTEST_POLL_SECONDS = 30
MISSING_AFTER = timedelta(hours=72)
TICK = timedelta(seconds=15)
# Silence of everybody for longer than this is our fault, not that of so many terminals.
OUR_SILENCE = 3 * TICK
ENOUGH_TO_JUDGE_BY = 20


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between two heartbeats, and how long after one is missed we still wait."""

    interval_seconds: int
    grace_seconds: int


ON_MAINS = Rhythm(300, 600)
ON_BATTERY = Rhythm(900, 1800)


def rhythm_of(power_source: str) -> Rhythm:
    """Return the rhythm for a power source; a terminal on battery is heard less often."""
    return ON_BATTERY if power_source == "battery" else ON_MAINS


def next_poll_seconds(interval_seconds: int, message_id: str) -> int:
    """Spread the next heartbeats by a tenth either way, so that they never come as a wave.

    The message's own random id decides, so the same message gets the same answer.
    """
    share = int(message_id[:8], 16) / 0xFFFFFFFF
    return max(SHORTEST_POLL_SECONDS, round(interval_seconds * (0.9 + 0.2 * share)))
