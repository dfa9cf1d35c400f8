"""Rows about a merchant's list: its first page, a deep page, exact searches."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.figures import Goal, Row, exponent
from tests.bench.fill import LARGEST_MERCHANT
from tests.bench.runs import Contender
from tests.bench.setting import OPENS, OWNER, STAFF, YEAR, Setting, same_rows

REST, TABLES = "DRF PageNumber", "tables2 + filter"
PATHS = {REST: f"/rest/{LARGEST_MERCHANT}/", TABLES: f"/tables/{LARGEST_MERCHANT}/"}
FIRST_PAGE = {REST: Goal(peer=8, growth=0.1), TABLES: Goal(peer=25, growth=0.1)}
DEEP, SHALLOW = 9000, 200
ADMINS = {
    "stock": "admin as it comes",
    "arranged": "admin arranged as ours",
    "tuned": "tuned admin",
}
SEARCH_BOXES = {
    "rrn": {REST: "by-rrn/?search=", TABLES: "?rrn="},
    "card_last4": {REST: "by-last-four/?search=", TABLES: "?card_last4="},
}
A_CARD_SALE = f"""
select rrn, card_last4 from transactions_transaction
 where merchant_id = {LARGEST_MERCHANT} and card_last4 <> ''
   and business_date < (select max(business_date) - 20 from transactions_dailytotal)
 order by business_date desc, id limit 1
"""

# What a page cannot do without: fifty rows and one to see whether there are more, dressed.
SQL = """
select t.*, terminal.serial, terminal.terminal_no, store.code, store.name
  from (select id, store_id, terminal_id, business_date, reference, rrn, kind, status, method,
               card_bin, card_last4, amount_minor, net_minor, currency, occurred_at
          from transactions_transaction
         where merchant_id = %s and {bound}
         order by occurred_at desc, id desc limit 51) t
  left join terminals_terminal terminal on terminal.id = t.terminal_id
  left join merchants_store store on store.id = t.store_id
"""


def first_page(setting: Setting) -> list[Row]:
    """The large merchant's newest page over the whole year, at every size in the same turns.

    The goals bind at the largest; the peers also run there as in a project without row
    security, where the planner has an easier time, for comparison.
    """
    contenders: dict[str, Contender] = {}
    for size in setting.sizes:
        wanted = setting.references(size, 1)
        sql = SQL.format(bound="true")
        contenders[f"ours {size}"] = same_rows(setting.ours(size, YEAR), wanted)
        contenders[f"opens {size}"] = same_rows(setting.ours(size, OPENS), wanted)
        contenders[f"limit {size}"] = setting.floor(size, sql, LARGEST_MERCHANT)
        for name, path in PATHS.items():
            contenders[f"{name} {size}"] = same_rows(setting.peer(size, path), wanted)
    for name, path in PATHS.items():
        contenders[f"{name}, no RLS"] = setting.peer(setting.largest, path, role=STAFF)
    found = setting.measure(contenders)
    return [row for name in PATHS for row in _first_page_rows(setting, name, found)]


def _first_page_rows(setting: Setting, peer: str, found: dict[str, float]) -> list[Row]:
    growth = {
        name: exponent({size: found[f"{name} {size}"] for size in setting.sizes})
        for name in ("ours", "opens")
    }
    rows = [
        Row(
            *(f"list page 1 : {peer}", size, "ms", found[f"ours {size}"]),
            *(found[f"{peer} {size}"], found[f"limit {size}"], growth["ours"]),
            FIRST_PAGE[peer] if size == setting.largest else Goal(),
        )
        for size in setting.sizes
    ]
    size = setting.largest
    limit, free = found[f"limit {size}"], found[f"{peer}, no RLS"]
    ours, opens = found[f"ours {size}"], found[f"opens {size}"]
    beside = found[f"{peer} {size}"]
    return [
        *rows,
        Row(f"list page 1 : {peer} without RLS", size, "ms", ours, free, limit),
        Row(
            *(f"list as it opens, 31 days : {peer}", size, "ms", opens),
            *(beside, limit, growth["opens"]),
        ),
    ]


def deep_page(setting: Setting) -> list[Row]:
    """A page far down, beside the peers' and beside our own page 200."""
    size = setting.largest
    deep = min(DEEP, setting.pages_of_largest_merchant - 1)
    shallow = min(SHALLOW, deep // 4)
    below, above = setting.cursors(size, deep, shallow)
    wanted = setting.references(size, deep)
    contenders = {
        "deep": same_rows(setting.ours(size, f"{YEAR}&cursor={below}"), wanted),
        "shallow": setting.ours(size, f"{YEAR}&cursor={above}"),
    }
    for name, path in PATHS.items():
        contenders[name] = same_rows(setting.peer(size, f"{path}?page={deep}"), wanted)
    found = setting.measure(contenders)
    title = f"list page {deep:,}"
    rows = [
        Row(f"{title} : {name}", size, "ms", found["deep"], found[name], goal=Goal(peer=100))
        for name in PATHS
    ]
    beside = Row(
        *(f"{title} : our page {shallow:,} as limit", size, "ms", found["deep"]),
        limit=found["shallow"],
        goal=Goal(limit=1.4),
    )
    return [*rows, beside]


@dataclass(frozen=True)
class Search:
    """One exact search: what for, by whom, and where each peer's search box is."""

    title: str
    column: str
    word: str
    ours: str
    paths: dict[str, str]
    goal: Goal
    who: str = "owner"
    role: str = OWNER

    @property
    def where(self) -> str:
        """The rows to be found."""
        bound = f"merchant_id = {LARGEST_MERCHANT} and " if self.who == "owner" else ""
        return f"where {bound}{self.column} = '{self.word}'"


def searches(setting: Setting) -> list[Row]:
    """Exact searches beside the peers' search boxes, which look inside the text.

    A reference number, by the large merchant and by our own staff over all merchants; and
    the last four digits of a card over the merchant's whole year.
    """
    found = setting.look(setting.largest, A_CARD_SALE)
    rrn, last4 = found[0]
    mine = {name: f"{PATHS[name]}{box}" for name, box in SEARCH_BOXES["rrn"].items()}
    cards = {name: f"{PATHS[name]}{box}" for name, box in SEARCH_BOXES["card_last4"].items()}
    alls = {REST: f"/rest/all/{SEARCH_BOXES['rrn'][REST]}", TABLES: "/tables/all/?rrn="}
    asked = [
        Search("RRN", "rrn", rrn, f"{OPENS}?q={rrn}", mine, Goal(peer=500, most=10)),
        Search(
            *("RRN by staff", "rrn", rrn, f"{OPENS}?q={rrn}", alls, Goal(peer=500, most=10)),
            *("compliance", STAFF),
        ),
        Search(
            *("last four", "card_last4", last4, f"{YEAR}&q={last4}", cards),
            Goal(peer=100, most=10),
        ),
    ]
    return [row for search in asked for row in _search(setting, search)]


def _search(setting: Setting, search: Search) -> list[Row]:
    size = setting.largest
    wanted = setting.references(size, 1, where=search.where)
    values: tuple[object, ...] = (LARGEST_MERCHANT, search.word)
    sql = SQL.format(bound=f"{search.column} = %s")
    if search.who != "owner":
        sql, values = sql.replace("merchant_id = %s and ", ""), values[1:]
    contenders: dict[str, Contender] = {
        "ours": same_rows(setting.ours(size, search.ours, who=search.who), wanted),
        "limit": setting.floor(size, sql, *values, role=search.role),
    }
    for name, path in search.paths.items():
        page = setting.peer(size, f"{path}{search.word}", role=search.role)
        contenders[name] = same_rows(page, wanted)
    found = setting.measure(contenders)
    return [
        Row(
            *(f"search by {search.title} : {name}", size, "ms", found["ours"], found[name]),
            *(found["limit"], None, search.goal),
        )
        for name in search.paths
    ]


def everyones(setting: Setting) -> list[Row]:
    """The newest page over all merchants, as our own staff see it, beside Django's admin."""
    size = setting.largest
    wanted = setting.references(size, 1, where="")
    contenders: dict[str, Contender] = {
        "ours": same_rows(setting.ours(size, YEAR, who="compliance"), wanted),
        "opens": same_rows(setting.ours(size, OPENS, who="compliance"), wanted),
        "limit": setting.floor(
            size, SQL.replace("merchant_id = %s and {bound}", "true"), role=STAFF
        ),
    }
    for name in ADMINS:
        page = setting.peer(size, f"/{name}/transactions/transaction/", role=STAFF)
        # as it comes, the admin has another order: a hundred rows by their keys
        contenders[name] = page if name == "stock" else same_rows(page, wanted)
    found = setting.measure(contenders)
    goals = {"stock": Goal(peer=500), "arranged": Goal(), "tuned": Goal(peer=5)}
    return [
        Row(
            *(f"{title} : {words}", size, "ms", found[figure], found[name], found["limit"]),
            *(None, goals[name] if figure == "ours" else Goal()),
        )
        for figure, title in (
            ("ours", "staff list page 1"),
            ("opens", "staff list as it opens, 31 days"),
        )
        for name, words in ADMINS.items()
    ]
