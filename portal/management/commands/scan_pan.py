"""Looks for full card numbers where none may be."""

import gzip
import re
import zipfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.transaction import atomic
from psycopg import sql

from portal.kit.command import Command as BaseCommand
from portal.kit.command import NotSo, Progress, refuse
from portal.kit.pan import SHORTEST, find_card_numbers
from portal.kit.scope import DatabaseRole, Scope, acting_as

CHUNK_BYTES = 1024 * 1024
# A number that lies across two chunks is seen in the second, which repeats the first's end.
OVERLAP_BYTES = 256
FETCHED = 2000
READERS = (DatabaseRole.WORKER, DatabaseRole.GATE, DatabaseRole.STAFF, DatabaseRole.SEALER)
TEXT_TYPES = ("text", "varchar", "bpchar", "json", "jsonb", "xml", "citext")
MOST_TOLD = 100
# One UUID in fifty thousand looks like a card number.
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
HEXADECIMAL = re.compile(r"[0-9a-f]{20,}", re.IGNORECASE)

Hit = dict[str, str]


class Command(BaseCommand):
    """Reads the database, logs, media and the broker's files; exit 1 if a number is found."""

    help = "Look for full card numbers in the database, logs, media and broker files, or in PATHS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take files and folders to read instead of the installation's own."""
        parser.add_argument("paths", nargs="*", type=Path, help="files or folders to read instead")

    def work(self, **options: Any) -> dict[str, Any]:
        """Scan, and name each place with the number masked.

        :raises WrongUsage: if a path does not exist
        """
        paths: list[Path] = options["paths"]
        if missing := [str(path) for path in paths if not path.exists()]:
            refuse(f"There is no {', '.join(missing)}.")
        counts = {"columns": 0, "values": 0, "files": 0, "bytes": 0}
        hits = list(scan_files(paths or own_folders(), counts))
        unread: list[str] = []
        if not paths:
            hits += scan_database(counts, unread)
        result = {"found": len(hits), **counts, "unread": unread, "places": hits[:MOST_TOLD]}
        if hits:
            raise NotSo(result)
        return result

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write each place, then the sum."""
        written = [f"{hit['place']}: {hit['masked']}" for hit in result["places"]]
        written += [f"not readable: {place}" for place in result["unread"]]
        count = f"{result['found']} full card numbers"
        read = f"{result['columns']} columns and {result['files']:,} files"
        return [*written, f"{count} in {read}."]


def own_folders() -> list[Path]:
    """Return where this installation keeps files: media, mail, logs, the broker's data."""
    data = Path(settings.PORTAL_DATA)
    wanted = [Path(settings.MEDIA_ROOT), *(data / name for name in ("mail", "logs", "valkey"))]
    return [folder for folder in wanted if folder.exists()]


def scan_files(paths: list[Path], counts: dict[str, int]) -> Iterator[Hit]:
    """Read every file under the paths, packed ones too."""
    progress = Progress("files")
    for path in _files(paths):
        counts["files"] += 1
        progress.tick(counts["files"])
        for name, chunk in _chunks(path):
            counts["bytes"] += len(chunk)
            yield from _hits(name, chunk.decode(errors="replace"))


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _chunks(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield overlapping pieces of a file, or of what it packs."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                with packed.open(name) as file:
                    yield from _pieces(f"{path}!{name}", file)
        return
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        yield from _pieces(str(path), file)


def _pieces(name: str, file: Any) -> Iterator[tuple[str, bytes]]:
    tail = b""
    while chunk := file.read(CHUNK_BYTES):
        yield name, tail + chunk
        tail = chunk[-OVERLAP_BYTES:]


def scan_database(counts: dict[str, int], unread: list[str]) -> Iterator[Hit]:
    """Read every column that can hold text, each as a role that may.

    What no role may read, none may write either; it is named in ``unread``.
    """
    columns = _columns()
    progress = Progress("columns", len(columns))
    for table, column, reader in columns:
        counts["columns"] += 1
        progress.tick(counts["columns"])
        if reader is None:
            unread.append(f"{table}.{column}")
            continue
        with acting_as(Scope(reader)), atomic():
            for text in _values(table, column):
                counts["values"] += 1
                if not _is_foreign_name(f"{table}.{column}", text):
                    yield from _hits(f"{table}.{column}", text)


def _columns() -> list[tuple[str, str, DatabaseRole | None]]:
    """Return every text column with the first role that may read it.

    A partition is read through its table.
    """
    with atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, a.attname,"
            " (select r from unnest(%s::text[]) with ordinality u(r, n)"
            " where has_column_privilege(r, c.oid, a.attnum, 'select') order by n limit 1)"
            " from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " join pg_type t on t.oid = a.atttypid left join pg_type e on e.oid = t.typelem"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
            " and not c.relispartition and a.attnum > 0 and not a.attisdropped"
            " and (t.typname = any(%s) or e.typname = any(%s)) order by 1, 2",
            [[role.value for role in READERS], list(TEXT_TYPES), list(TEXT_TYPES)],
        )
        return [(t, c, DatabaseRole(r) if r else None) for t, c, r in cursor.fetchall()]


def _values(table: str, column: str) -> Iterator[str]:
    """Yield the values that hold digits enough, a chunk in memory at a time."""
    question = sql.SQL(
        "select {column}::text from {table} where length(regexp_replace("
        "{column}::text, '[^0-9\uff10-\uff19]', '', 'g')) >= %s"
    ).format(column=sql.Identifier(column), table=sql.Identifier(table))
    with connection.connection.cursor(name="scan_pan") as cursor:
        cursor.execute(question, [SHORTEST])
        while rows := cursor.fetchmany(FETCHED):
            yield from (text for (text,) in rows)


def _is_foreign_name(place: str, text: str) -> bool:
    """Tell whether a value is a long hexadecimal name in a column of names."""
    named = place in settings.FOREIGN_NAMES and HEXADECIMAL.fullmatch(text)
    return bool(named) and not text.isdigit()


def _hits(place: str, text: str) -> Iterator[Hit]:
    for found in find_card_numbers(UUID.sub(" ", text)):
        yield {"place": place, "masked": found.masked}
