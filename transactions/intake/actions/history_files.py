"""Reading history files: plain or gzip, UTF-8 or GBK, line by line."""

import codecs
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

ENCODINGS = ("utf-8-sig", "gbk")
GZIP = b"\x1f\x8b"
BLOCK = 1 << 20


class Unreadable(ValueError):
    """A file that is neither UTF-8 nor GBK, or a broken archive."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacking it when it is gzip, whatever its name says.

    :raises OSError: if it is not there
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield raw


def encoding_of(path: Path) -> str:
    """Return the encoding of a file, having read all of it.

    :raises Unreadable: if it is neither
    """
    for encoding in ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with opened(path) as file:
                while block := file.read(BLOCK):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        except (EOFError, gzip.BadGzipFile) as broken:
            raise Unreadable(f"{path.name} is a broken gzip file") from broken
        return encoding
    raise Unreadable(f"{path.name} is neither UTF-8 nor GBK")


@contextmanager
def lines_of(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """Read a file line by line, without ends of lines; memory does not grow with it."""
    with opened(path) as file, TextIOWrapper(file, encoding=encoding, newline=None) as text:
        yield (line.rstrip("\n") for line in text)
