"""Files that are whole or absent, whatever happens while they are written."""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that reached the disk: its size in bytes and its SHA-256 in hex."""

    path: Path
    size: int
    sha256: str


def write_whole(path: Path, blocks: Iterable[bytes]) -> WholeFile:
    """Write beside the place, force it to the disk, then move it there.

    :raises OSError: if the disk is full or the folder cannot be written; nothing is left
    """
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    digest, size = sha256(), 0
    try:
        with draft.open("xb") as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                size += len(block)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return WholeFile(path, size, digest.hexdigest())


def _sync_folder(folder: Path) -> None:
    """Force the folder's list of names to the disk: the move is in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
