"""The frame around every page: what a role finds in its menu, who is signed in, what light."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.access import ROUTES
from portal.accounts.actor import SUSPENDED, Seat
from portal.accounts.models import Theme
from portal.accounts.roles import ROLES
from portal.kit.actor import ANONYMOUS, Actor

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a menu. ``key`` is the second key of the chord ``g x``."""

    url: str
    label: str
    icon: str
    key: str = ""
    active: bool = False
    badge: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """The person signed in."""

    name: str
    role: str
    merchant: str


@dataclass(frozen=True, slots=True)
class Bell:
    """Where notices are, and how many are new."""

    url: str
    count: int


@dataclass(frozen=True, slots=True)
class Shell:
    """Navigation, person, language and theme of one page."""

    nav: tuple[Item, ...] = ()
    account: tuple[Item, ...] = ()
    who: Who | None = None
    theme: str = ""
    language: str = "zh-hans"
    single_keys: bool = True
    step_up: datetime | None = None
    search_url: str = ""
    bell: Bell | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A page that menus may lead to; who sees it follows from its route."""

    name: str
    label: Promise
    icon: str
    key: str = ""


# In the order of daily use: phones show the first four.
NAV = (
    Place("transactions:overview", _("Overview"), "home", "h"),
    Place("transactions:list", _("Transactions"), "list", "t"),
    Place("terminals:list", _("Terminals"), "terminal", "d"),
    Place("terminals:provision", _("Provision"), "plus", "p"),
    Place("terminals:verify", _("Verify"), "scan", "v"),
    Place("terminals:register", _("Serial register"), "book", "r"),
    Place("audit:search", _("Audit log"), "scale", "a"),
    Place("jobs:list", _("Files"), "file", "f"),
    Place("accounts:security", _("Security"), "shield", "s"),
)
# Pages without an entry of their own, and the entry they are reached from.
BELOW = {
    "terminals:detail": "terminals:list",
    "terminals:suspend": "terminals:list",
    "terminals:reinstate": "terminals:list",
    "terminals:issue-code": "terminals:list",
    "terminals:codes": "terminals:provision",
    "terminals:register-preview": "terminals:register",
    "transactions:detail": "transactions:list",
    "transactions:export": "transactions:list",
    "audit:entry": "audit:search",
    "audit:export": "audit:search",
    "jobs:detail": "jobs:list",
    "accounts:password": "accounts:security",
    "accounts:authenticator": "accounts:security",
    "accounts:recovery-codes": "accounts:security",
}
ACCOUNT = (
    Place("accounts:security", _("Security"), "shield"),
    Place("accounts:preferences", _("Preferences"), "gear"),
    Place("accounts:roles", _("Roles and rights"), "key"),
)
MENUS = {"nav": NAV, "account": ACCOUNT}


def shell_for(request: HttpRequest) -> Shell:
    """Build the frame; it reads nothing but the request."""
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    row = getattr(request, "session_row", None)
    language = get_language() or "zh-hans"
    if row is None or not actor.role:
        return Shell(
            theme=_known_theme(request.COOKIES.get("theme", "")),
            language=language,
            single_keys=request.COOKIES.get("single_keys", "on") != "off",
        )
    seat = getattr(request, "seat", None)
    proofs: dict[str, datetime] = getattr(request, "proofs", {})
    here = request.resolver_match.view_name if request.resolver_match else ""
    return Shell(
        nav=_entries("nav", actor, here, language),
        account=_entries("account", actor, here, language),
        who=Who(
            row.user.display_name or row.user.username,
            ROLES[actor.role].name,
            _merchant(seat, language),
        ),
        theme="" if row.user.theme == Theme.AUTO else row.user.theme.lower(),
        language=language,
        single_keys=row.user.single_keys,
        step_up=max(proofs.values(), default=None),
        search_url=_search(actor),
        notice=_notice(seat.merchant_status if seat else ""),
    )


def _entries(menu: str, actor: Actor, here: str, language: str) -> tuple[Item, ...]:
    held = actor.permissions | actor.provable
    return _items(menu, held, here, language, staff=actor.merchant_id is None)


@lru_cache(maxsize=512)
def _items(
    menu: str, held: frozenset[str], here: str, _language: str, *, staff: bool
) -> tuple[Item, ...]:
    """Return a menu; it follows from the role and the language, so it is made once."""
    return tuple(
        Item(
            reverse(place.name),
            str(place.label),
            place.icon,
            place.key,
            active=_is_here(here, place.name),
        )
        for place in MENUS[menu]
        if (route := ROUTES.get(place.name)) is not None
        and route.permission in held
        and route.welcomes(staff=staff)
    )


def _is_here(here: str, name: str) -> bool:
    """Say whether a page belongs to a menu entry: itself, or a page of the same kind below it."""
    return here == name or BELOW.get(here, "") == name


def _merchant(seat: Seat | None, language: str) -> str:
    if seat is None:
        return ""
    english = seat.merchant_name_en if language == "en" else ""
    return english or seat.merchant_name


def _search(actor: Actor) -> str:
    if actor.may("transaction.read"):
        return reverse("transactions:list")
    return reverse("terminals:list") if actor.may("terminal.read") else ""


def _known_theme(cookie: str) -> str:
    return cookie if cookie in THEMES else ""


def _notice(merchant_status: str) -> str:
    if merchant_status == SUSPENDED:
        return gettext("This merchant is suspended: its terminals cannot take payments.")
    return ""
