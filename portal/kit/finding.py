"""What a reconciler reports: how much it compared, and what did not agree."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one invariant: rows compared, and one sentence for each breach.

    A breach names ids and codes only, never a value that a person typed.
    """

    checked: int
    breaches: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Say whether the invariant held everywhere."""
        return not self.breaches
