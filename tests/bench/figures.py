"""What the harness computes: medians, ratios, growth, and whether a goal is met.

A figure is either a time (less is better) or a rate (more is better); a ratio to the peer
always says how many times better ours is.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TIMES = ("ms", "s", "MB")


def median(samples: Sequence[float]) -> float:
    """Return the middle sample.

    :raises ValueError: if there is none
    """
    if not samples:
        raise ValueError("no samples")
    return statistics.median(samples)


def times_better(ours: float, other: float, *, unit: str) -> float:
    """Return how many times better ours is than another: 8.0 for 2 ms against 16 ms."""
    return other / ours if unit in TIMES else ours / other


def exponent(points: Mapping[int, float]) -> float | None:
    """Return the power with which a figure grows with its size, by least squares.

    ``points`` are figures by size: 0 means that size does not matter, 1 means linear. It
    takes three sizes to tell growth from noise; with fewer there is no answer.
    """
    if len(points) < 3:
        return None
    x = [math.log(size) for size in points]
    y = [math.log(figure) for figure in points.values()]
    return statistics.linear_regression(x, y).slope


@dataclass(frozen=True)
class Goal:
    """What a row has to reach; None asks nothing.

    ``peer`` is the least number of times better than the peer. ``limit`` bounds ours in
    multiples of the limit: at most so many times its time, at least that share of its rate.
    ``most`` bounds ours in its own unit, ``growth`` the exponent.
    """

    peer: float | None = None
    limit: float | None = None
    most: float | None = None
    growth: float | None = None

    def text(self, unit: str) -> str:
        """Return the goal in a few signs; empty when it asks nothing."""
        side = "<=" if unit in TIMES else ">="
        parts = [
            f">= {self.peer:g}x peer" if self.peer is not None else "",
            f"{side} {self.limit:g}x limit" if self.limit is not None else "",
            f"<= {self.most:g} {unit}" if self.most is not None else "",
            f"growth <= {self.growth:g}" if self.growth is not None else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Row:
    """One line of the outcome; figures in ``unit``, ``size`` in rows of the data set."""

    name: str
    size: int
    unit: str
    ours: float
    peer: float | None = None
    limit: float | None = None
    exponent: float | None = None
    goal: Goal = field(default_factory=Goal)

    @property
    def ratio_peer(self) -> float | None:
        """How many times better than the peer."""
        return None if self.peer is None else times_better(self.ours, self.peer, unit=self.unit)

    @property
    def ratio_limit(self) -> float | None:
        """Ours in multiples of the limit."""
        return None if self.limit is None else self.ours / self.limit

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None when it asks nothing."""
        asked = [
            _at_least(self.ratio_peer, self.goal.peer),
            _at_most(self.ratio_limit, self.goal.limit)
            if self.unit in TIMES
            else _at_least(self.ratio_limit, self.goal.limit),
            _at_most(self.ours, self.goal.most),
            _at_most(self.exponent, self.goal.growth),
        ]
        answers = [answer for answer in asked if answer is not None]
        return all(answers) if answers else None

    def as_json(self) -> dict[str, object]:
        """Return the row as bench.json holds it."""
        said: dict[str, object] = {"name": self.name, "size": self.size, "unit": self.unit}
        for name in ("ours", "peer", "limit", "ratio_peer", "ratio_limit", "exponent"):
            said[name] = _short(getattr(self, name))
        return said | {"goal": self.goal.text(self.unit), "met": self.met}


def _at_least(figure: float | None, bound: float | None) -> bool | None:
    """Compare where there is a bound; a figure that could not be had does not reach it."""
    return None if bound is None else figure is not None and figure >= bound


def _at_most(figure: float | None, bound: float | None) -> bool | None:
    return None if bound is None else figure is not None and figure <= bound


def _short(figure: float | None) -> float | None:
    """Keep four significant digits: the rest is noise."""
    return None if figure is None else float(f"{figure:.4g}")
