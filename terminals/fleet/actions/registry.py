"""Taking makers' lists of serial numbers into the register."""

import json
import zlib
from dataclasses import astuple, dataclass
from datetime import datetime
from hashlib import sha256

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.lifecycle import Moves, move
from terminals.fleet.models import RegistryImport, RegistryImportStatus
from terminals.fleet.rules.maker_lists import (
    BY_REGISTER,
    FLAGS,
    Entry,
    MakerList,
    Remark,
    RemarkCode,
    read_list,
)

IMPORT_MOVES: Moves = {
    RegistryImportStatus.PREVIEWED: frozenset[str]({RegistryImportStatus.IMPORTED}),
    RegistryImportStatus.IMPORTED: frozenset[str](),
}

# One import at a time: what one list says of a TUSN must not change under another.
STAGE = """
select pg_advisory_xact_lock(hashtext('terminals.register'));
create temporary table handed_in
  (line integer, maker text, model text, serial text, tusn text) on commit drop;
"""
UNSTAGE = "drop table handed_in"
# One maker keeps the spelling that the register already has for it.
RESPELL = """
update handed_in h set maker = known.maker
  from (select distinct maker from terminals_registeredserial) known
 where lower(known.maker) = lower(h.maker) and known.maker <> h.maker
"""
REFUSE_TAKEN = """
delete from handed_in h using terminals_registeredserial r
 where h.tusn <> '' and r.tusn = h.tusn and (r.maker, r.serial) <> (h.maker, h.serial)
returning h.line, h.serial
"""
FLAG = """
select h.line, h.serial from handed_in h
 where exists (select from terminals_registeredserial r
                where r.serial = h.serial and r.maker <> h.maker)
    or h.serial in (select serial from handed_in group by serial having count(*) > 1)
 order by h.line
"""
# What a list corrects: the first of it, as was and becomes.
CHANGED = """
select h.line, concat(h.serial, ': ', r.model, ' ', r.tusn, ' -> ', h.model, ' ', h.tusn)
  from handed_in h
  join terminals_registeredserial r on r.maker = h.maker and r.serial = h.serial
 where r.model <> h.model or (h.tusn <> '' and h.tusn <> r.tusn)
 order by h.line limit 100
"""
COMPARE = """
select count(*) filter (where r.id is null),
       count(*) filter (where r.model <> h.model or (h.tusn <> '' and h.tusn <> r.tusn)),
       count(*)
  from handed_in h
  left join terminals_registeredserial r on r.maker = h.maker and r.serial = h.serial
"""
TAKE = """
with taken as (
  insert into terminals_registeredserial as r (maker, model, serial, tusn, imported_at)
  select maker, model, serial, tusn, %s from handed_in order by maker, serial
  on conflict (maker, serial) do update
     set model = excluded.model, imported_at = excluded.imported_at,
         tusn = case when excluded.tusn = '' then r.tusn else excluded.tusn end
   where r.model <> excluded.model or (excluded.tusn <> '' and excluded.tusn <> r.tusn)
  returning xmax = 0 as fresh)
select count(*) filter (where fresh), count(*) filter (where not fresh),
       (select count(*) from handed_in)
  from taken
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a list adds to the register and changes in it; ``known`` says nothing new."""

    new: int
    changed: int
    known: int


@atomic
def hand_in(
    *, actor: Actor, file_name: str, content: bytes, maker: str, now: datetime
) -> RegistryImport:
    """Read a maker's list and say what it would change; the register stays as it is.

    :raises MissingPermission: if the actor may not import
    :raises Unreadable: if the file as a whole is no list of serial numbers
    """
    actor.require("registry.import")
    listed = read_list(content, maker=maker)
    with connection.cursor() as cursor:
        remarks = listed.remarks + _stage(cursor, listed)
        cursor.execute(COMPARE)
        difference = _difference(cursor)
        cursor.execute(UNSTAGE)
    handed = RegistryImport(
        file_name=file_name[:120],
        sha256=sha256(content).hexdigest(),
        encoding=listed.encoding,
        packed=_pack(listed.entries),
        lines=len(listed.entries) + len(listed.remarks),
        handed_in_by=actor.label,
        handed_in_at=now,
    )
    _describe(handed, difference, remarks)
    handed.save(force_insert=True)
    _note(actor, "registry.handed_in", handed, now)
    return handed


@atomic
def take_in(handed: RegistryImport, *, actor: Actor, now: datetime) -> RegistryImport:
    """Take a list that was handed in into the register, once.

    :raises MissingPermission: if the actor may not import
    :raises IllegalMove: if it was taken in already
    :raises LostRace: if somebody else is taking it in
    """
    actor.require("registry.import")
    entries = read_entries(handed)
    move(handed, RegistryImportStatus.IMPORTED, moves=IMPORT_MOVES, imported_at=now, packed=b"")
    refused = [r for r in read_remarks(handed) if r.code not in BY_REGISTER]
    with connection.cursor() as cursor:
        remarks = refused + _stage(cursor, MakerList(handed.encoding, entries))
        cursor.execute(TAKE, [now])
        difference = _difference(cursor)
        cursor.execute(UNSTAGE)
    _describe(handed, difference, remarks)
    handed.save(update_fields=["new", "changed", "known", "flagged", "rejected", "remarks"])
    _note(actor, "registry.imported", handed, now)
    return handed


def read_remarks(handed: RegistryImport) -> list[Remark]:
    """Return what was said about single lines of a list, in order of line."""
    return [Remark(line, RemarkCode(code), cell) for line, code, cell in handed.remarks]


def _stage(cursor: CursorWrapper, listed: MakerList) -> list[Remark]:
    """Put the good lines beside the register; return what only the register can refuse."""
    cursor.execute(STAGE)
    with cursor.copy("copy handed_in from stdin") as copy:
        for entry in listed.entries:
            copy.write_row(astuple(entry))
    cursor.execute("analyze handed_in")
    cursor.execute(RESPELL)
    cursor.execute(REFUSE_TAKEN)
    taken = [Remark(line, RemarkCode.TUSN_TAKEN, serial) for line, serial in cursor.fetchall()]
    cursor.execute(FLAG)
    twice = [Remark(line, RemarkCode.TWO_MAKERS, serial) for line, serial in cursor.fetchall()]
    cursor.execute(CHANGED)
    changed = [Remark(line, RemarkCode.CHANGED, cell) for line, cell in cursor.fetchall()]
    return taken + twice + changed


def _difference(cursor: CursorWrapper) -> Difference:
    new, changed, total = cursor.fetchone()
    return Difference(new, changed, total - new - changed)


def _describe(handed: RegistryImport, difference: Difference, remarks: list[Remark]) -> None:
    handed.new, handed.changed = difference.new, difference.changed
    handed.known = difference.known
    handed.flagged = sum(remark.code == RemarkCode.TWO_MAKERS for remark in remarks)
    handed.rejected = sum(remark.code not in FLAGS for remark in remarks)
    ordered = sorted(remarks, key=lambda remark: remark.line)
    handed.remarks = [[remark.line, remark.code.value, remark.cell] for remark in ordered]


def _note(actor: Actor, event: str, handed: RegistryImport, now: datetime) -> None:
    record(
        actor,
        event,
        handed,
        now=now,
        file=handed.file_name,
        new=handed.new,
        changed=handed.changed,
        known=handed.known,
        rejected=handed.rejected,
    )


def _pack(entries: list[Entry]) -> bytes:
    return zlib.compress(json.dumps([astuple(e) for e in entries], ensure_ascii=False).encode(), 1)


def read_entries(handed: RegistryImport) -> list[Entry]:
    """Return the good lines of a list that waits to be taken in."""
    packed = bytes(handed.packed)
    return [Entry(*row) for row in json.loads(zlib.decompress(packed))] if packed else []
