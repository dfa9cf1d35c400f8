"""What must be so before the portal serves anybody: settings, database guards, fonts.

``manage.py check`` runs the checks of settings; with ``--database default`` also those of the
database. The web server and the worker run both as they start, and refuse to if one fails;
a database that is away refuses nothing, because /readyz asks again until it is there.
"""

import shutil
import subprocess
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.servers import Unavailable

log = structlog.get_logger(__name__)

OLDEST_POSTGRES = 150_000
LONGEST_SKEW_SECONDS = 5
SHORTEST_KEY, FEWEST_CHARACTERS = 50, 5
LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]", "", None}
SAFE_MODES = ("require", "verify-ca", "verify-full")
ROLES = ("pos_gate", "pos_merchant", "pos_staff", "pos_device", "pos_worker", "pos_sealer")
DATABASE_TAG = "guards"


class Unguarded(ImproperlyConfigured):
    """The database does not protect the rows, so nothing is served from it."""


@checks.register("portal")
def check_settings(app_configs: object = None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Refuse secrets that can be guessed and doors that stand open."""
    return [*_secrets(), *_doors(), *_links()]


@checks.register("portal")
def check_fonts(app_configs: object = None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Warn where Chinese text in a PDF would be boxes."""
    if chinese_fonts():
        return []
    hint = "Install fonts-noto-cjk, or fonts-wqy-microhei, and fontconfig."
    return [Caution("No font for Chinese was found; PDF will fail.", hint=hint, id="portal.W001")]


@checks.register(Tags.database, DATABASE_TAG)
def check_database(
    app_configs: object = None,  # noqa: ARG001
    databases: Iterable[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a database that is too old or whose guards are not up."""
    if "default" not in (databases or ()):
        return []
    return _look(connections["default"])


def missing_guards() -> list[CheckMessage]:
    """Return what is wrong with the database; once nothing was, it is not asked again.

    :raises DatabaseError: if it cannot be asked
    """
    if _asked["clean"]:
        return []
    errors = [m for m in _look(connections["default"]) if m.level >= checks.ERROR]
    _asked["clean"] = not errors
    return errors


_asked = {"clean": False}


def refuse_unguarded() -> None:
    """Stop a server process that must not serve; a database that is away is no reason.

    :raises Unguarded: if a setting or the database fails a check
    """
    found = [m for m in checks.run_checks(tags=["portal"]) if m.level >= checks.ERROR]
    try:
        found += missing_guards()
    except (DatabaseError, Unavailable):
        log.warning("database_away")
    finally:
        # the processes that are forked from this one must not share a connection
        connections.close_all()
    if found:
        raise Unguarded("\n".join(str(message) for message in found))


def chinese_fonts() -> list[str]:
    """Return the fonts of this machine that hold Chinese."""
    program = shutil.which("fc-list")
    if program is None:
        return []
    said = subprocess.run(
        [program, ":lang=zh-cn", "family"], capture_output=True, check=False, text=True
    )
    return said.stdout.splitlines()


def _secrets() -> list[CheckMessage]:
    key = settings.SECRET_KEY
    if len(key) >= SHORTEST_KEY and len(set(key)) >= FEWEST_CHARACTERS and "insecure" not in key:
        return []
    hint = "Unset it to have one made, or set 50 random characters or more."
    return [Error("SECRET_KEY can be guessed.", hint=hint, id="portal.E001")]


def _doors() -> list[CheckMessage]:
    open_to = [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]
    if settings.DEVELOPMENT and open_to:
        return [
            Error(
                f"DEBUG=1 serves {', '.join(open_to)}, which others can reach.",
                hint="Set DEBUG=0 and SECRET_KEY, or leave ALLOWED_HOSTS to this machine.",
                id="portal.E002",
            )
        ]
    return []


def _links() -> list[CheckMessage]:
    """Look at the ways to database and broker: no guest, and nothing readable on the wire."""
    found: list[CheckMessage] = []
    broker = urlsplit(settings.BROKER_URL)
    if broker.username == "guest":
        found.append(Error("The broker is used as guest.", id="portal.E003"))
    if broker.hostname not in LOOPBACK and broker.scheme in ("amqp", "redis"):
        hint = f"Use {broker.scheme}s://."
        found.append(Error("The link to the broker is readable.", hint=hint, id="portal.E004"))
    for alias, database in settings.DATABASES.items():
        host = database.get("HOST") or database.get("OPTIONS", {}).get("host", "")
        mode = database.get("OPTIONS", {}).get("sslmode", "")
        if host not in LOOPBACK and not str(host).startswith("/") and mode not in SAFE_MODES:
            text = f"The link to the database {alias!r} is readable."
            found.append(Error(text, hint="Add ?sslmode=verify-full.", id="portal.E005"))
    return found


def _look(database: BaseDatabaseWrapper) -> list[CheckMessage]:
    """Ask the catalogue, which every login may read."""
    with database.cursor() as cursor:
        found = [check(cursor) for check in (_age, _role_flags, _ownership, _row_security, _clock)]
    return [message for messages in found for message in messages]


def _age(cursor: Any) -> list[CheckMessage]:
    cursor.execute("select current_setting('server_version_num')::int")
    version = cursor.fetchone()[0]
    if version >= OLDEST_POSTGRES:
        return []
    return [Error(f"PostgreSQL 15 or later is needed, not {version}.", id="portal.E010")]


def _role_flags(cursor: Any) -> list[CheckMessage]:
    """The login and the roles it takes must be there and stand above no row."""
    cursor.execute(
        "select rolname from pg_roles where (rolname = any(%s) or rolname = session_user)"
        " and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
        [list(ROLES)],
    )
    mighty = [name for (name,) in cursor.fetchall()]
    cursor.execute("select rolname from pg_roles where rolname = any(%s)", [list(ROLES)])
    missing = sorted(set(ROLES) - {name for (name,) in cursor.fetchall()})
    found: list[CheckMessage] = []
    if mighty:
        text = f"These database roles stand above row-level security: {', '.join(mighty)}."
        found.append(Error(text, hint="Connect as pos_app.", id="portal.E011"))
    if missing:
        text = f"These database roles are missing: {', '.join(missing)}."
        found.append(Error(text, hint="Run migrate.", id="portal.E012"))
    return found


def _ownership(cursor: Any) -> list[CheckMessage]:
    cursor.execute(
        "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p', 'v', 'm') and pg_has_role(session_user, relowner, 'member')"
    )
    if not (owned := cursor.fetchone()[0]):
        return []
    text = f"The application's login owns {owned} tables, or may become their owner."
    return [Error(text, hint="Connect as pos_app; migrate as the owner.", id="portal.E013")]


def _row_security(cursor: Any) -> list[CheckMessage]:
    """Every table of a merchant's rows is closed, to its owner too; views ask as the reader."""
    cursor.execute(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
        " and a.attname = 'merchant_id' and not a.attisdropped"
        " and not (c.relrowsecurity and c.relforcerowsecurity)"
        " union select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and (relkind = 'm' or (relkind = 'v' and not coalesce(reloptions, '{}') @>"
        " array['security_invoker=true'])) order by 1"
    )
    if not (names := [name for (name,) in cursor.fetchall()]):
        return []
    text = f"Row-level security is not in force on: {', '.join(names)}."
    return [Error(text, hint="Run migrate.", id="portal.E014")]


def _clock(cursor: Any) -> list[CheckMessage]:
    cursor.execute("select abs(extract(epoch from clock_timestamp()) - %s)", [time.time()])
    skew = float(cursor.fetchone()[0])
    if skew <= LONGEST_SKEW_SECONDS:
        return []
    text = f"This clock and the database's are {skew:.0f} seconds apart."
    return [Caution(text, hint="Have both follow NTP.", id="portal.W002")]
