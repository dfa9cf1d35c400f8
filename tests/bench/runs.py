"""Measures contenders side by side: the same work in turns, so that noise hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tests.bench.figures import median

REPEATS = 7
ROUND_SECONDS = 0.15  # what one contender's turn should last, so that a fast one is not one tick
MOST_IN_A_ROUND = 25
WARM_UP = 3


class Contender(Protocol):
    """Something that does the work a number of times and tells how long each took."""

    def __call__(self, times: int, /) -> list[float]:
        """Return the seconds of each."""


def interleave(
    contenders: Mapping[str, Contender],
    *,
    repeats: int = REPEATS,
    say: Callable[[str], None] = lambda _text: None,
) -> dict[str, float]:
    """Return each contender's median in seconds, out of ``repeats`` rounds in turn.

    A turn counts once, as the median of its answers.
    """
    rounds = {name: _times_for(contender) for name, contender in contenders.items()}

    def one_turn(name: str) -> float:
        seconds = median(contenders[name](rounds[name]))
        say(f"{name} {seconds * 1000:.2f} ms")
        return seconds

    return take_turns(list(contenders), one_turn, repeats=repeats)


def take_turns(
    names: Sequence[str], one_turn: Callable[[str], float], *, repeats: int
) -> dict[str, float]:
    """Return each name's median figure over rounds that each begin with another name."""
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        shift = turn % len(names)
        for name in [*names[shift:], *names[:shift]]:
            samples[name].append(one_turn(name))
    return {name: median(taken) for name, taken in samples.items()}


def _times_for(contender: Contender) -> int:
    """Warm a contender up and return how often it fits into a round."""
    seconds = contender(1)[-1]
    if seconds < ROUND_SECONDS:
        seconds = min(contender(WARM_UP))
    return max(1, min(MOST_IN_A_ROUND, int(ROUND_SECONDS / seconds)))
