"""What every group of rows works with: sizes, processes, people, known places in the data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg

from tests.bench import runs
from tests.bench.cluster import Cluster, name_of
from tests.bench.crew import Crew, Failed, Page, Statement
from tests.bench.fill import LARGEST_MERCHANT

PAGE_ROWS = 50
# How libpq is told which role a connection takes, and for the merchant's role which tenant.
STAFF = "-c role=pos_staff"
OWNER = f"-c role=pos_merchant -c app.merchant={LARGEST_MERCHANT}"
OPENS = "/transactions/"
YEAR = "/transactions/?period=366d"
OF_LARGEST = f"where merchant_id = {LARGEST_MERCHANT}"
# Sixteen characters in the filled rows, twenty-two in those that a door took in.
REFERENCE = re.compile(r"\b(?:[0-9A-F]{16}|[0-9A-Z]{22})\b")

NEWEST = """
select {what} from transactions_transaction {where}
 order by occurred_at desc, id desc offset {offset} limit {limit}
"""


@dataclass
class Setting:
    """The data sets, smallest first, and whoever works on them."""

    cluster: Cluster
    crew: Crew
    sizes: list[int]
    repeats: int
    say: Callable[[str], None]
    cookies: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """The size that the goals are about."""
        return self.sizes[-1]

    @cached_property
    def pages_of_largest_merchant(self) -> int:
        """How many whole pages the largest merchant has in the largest data set."""
        count = f"select count(*) from transactions_transaction {OF_LARGEST}"
        return int(self.look(self.largest, count)[0][0]) // PAGE_ROWS

    def look(self, size: int, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query of ours finds, outside of any timing."""
        with psycopg.connect(self.cluster.dsn(name_of(size))) as link:
            return link.execute(sql).fetchall()

    def references(self, size: int, page: int, *, where: str = OF_LARGEST) -> list[str]:
        """Return the references of one page, newest first, as the data has them."""
        words = {"what": "reference", "where": where, "limit": PAGE_ROWS}
        rows = self.look(size, NEWEST.format(**words, offset=(page - 1) * PAGE_ROWS))
        return [row[0] for row in rows]

    def cursors(self, size: int, *pages: int) -> list[str]:
        """Return the cursors that lead to pages of the largest merchant."""
        keys = [self._place_before(size, page) for page in pages]
        found: list[str] = self.crew.ours(size).call("tests.bench.people.cursors", keys=keys)
        return found

    def _place_before(self, size: int, page: int) -> tuple[int, int]:
        """Return the keys of the last row before a page, as our cursors hold them."""
        what = "(extract(epoch from occurred_at) * 1000000)::bigint, id"
        words = {"what": what, "where": OF_LARGEST, "limit": 1}
        found = self.look(size, NEWEST.format(**words, offset=(page - 1) * PAGE_ROWS - 1))
        return found[0][0], found[0][1]

    def ours(self, size: int, path: str, *, who: str = "owner") -> Page:
        """A page of the product, seen by somebody signed in."""
        if size not in self.cookies:
            self.cookies[size] = self.crew.ours(size).call("tests.bench.people.sign_in")
        return Page(self.crew.ours(size), path, self.cookies[size][who])

    def peer(self, size: int, path: str, *, role: str = OWNER) -> Page:
        """A page of the peers."""
        return Page(self.crew.peer(size, role), path)

    def floor(self, size: int, sql: str, *values: object, role: str = OWNER) -> Statement:
        """A prepared statement."""
        return Statement(self.crew.floor(size, role), sql, values)

    def measure(self, contenders: Mapping[str, runs.Contender]) -> dict[str, float]:
        """Return each contender's median in milliseconds, measured in turns."""
        found = runs.interleave(contenders, repeats=self.repeats, say=self.say)
        return {name: seconds * 1000 for name, seconds in found.items()}


def same_rows(page: Page, wanted: list[str]) -> Page:
    """Return a page after making sure that it shows these rows and in this order.

    :raises Failed: if it does not, for then there is nothing to compare
    """
    shown = list(dict.fromkeys(REFERENCE.findall(page.read())))
    if shown != wanted:
        missing = [reference for reference in wanted if reference not in shown]
        raise Failed(f"{page.path} shows other rows: {len(shown)}, {missing[:3]} missing")
    return page
