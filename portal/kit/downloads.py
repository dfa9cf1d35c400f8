"""Files made of rows: guarded against formulas, streamed, never held whole in memory."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

from django.db.transaction import atomic
from django.http import StreamingHttpResponse

from portal.kit.scope import Scope, acting_as

BOM = "\ufeff"
FORMULA_STARTS = tuple("=+-@\t\r\n\0＝＋－＠")
STRICT_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d+)?", re.ASCII)
BLOCK = 128 * 1024


def guarded(value: object) -> str:
    """Write a cell so that no spreadsheet runs it; strict numbers stay numbers.

    A refund of -100.00 must sum, so a value that is nothing but a number keeps its sign.
    """
    text = "" if value is None else str(value)
    if text.startswith(FORMULA_STARTS) and not STRICT_NUMBER.fullmatch(text):
        return "'" + text
    return text


def csv_blocks(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a UTF-8 CSV (BOM, CRLF) in blocks of about 128 KiB."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_MINIMAL)
    buffer.write(BOM)
    writer.writerow([guarded(cell) for cell in header])
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        if buffer.tell() > BLOCK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def streamed(
    blocks: Iterator[bytes], *, scope: Scope, filename: str, content_type: str
) -> StreamingHttpResponse:
    """Answer with a download whose rows are read under their own transaction and scope.

    The generator runs after the request's transaction has ended, so it opens its own.
    """

    def body() -> Iterator[bytes]:
        with ExitStack() as stack:
            stack.enter_context(acting_as(scope))
            stack.enter_context(atomic())
            yield from blocks

    response = StreamingHttpResponse(body(), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "no-store"
    return response
