"""The environment of a program that a test starts: its own, without what only pytest needs."""

import os

# Playwright keeps an event loop in pytest's thread, and Django refuses queries beside one.
BESIDE_A_LOOP = "DJANGO_ALLOW_ASYNC_UNSAFE"


def surroundings(**over: str) -> dict[str, str]:
    """Return the environment for a program, with these values over it."""
    kept = {name: value for name, value in os.environ.items() if name != BESIDE_A_LOOP}
    return kept | over
