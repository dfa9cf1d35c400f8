"""The process that makes a PDF: poor in rights, memory and time, and deaf to addresses.

It is run as a file, without Django and without the portal's secrets: one JSON object on
stdin, ``{"html", "assets", "limits"}``; on stdout one line that says how it ended, then the
PDF. Assets are bytes in base64, fetched as ``asset:NAME``.
"""

import base64
import json
import logging
import mimetypes
import resource
import sys
from collections.abc import Mapping

try:
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
except OSError:  # the libraries that shape text are not on this machine
    sys.stdout.write("MISSING\n")
    sys.exit(1)

LARGEST_PICTURE = 64 * 1024
PICTURE = "data:image/png;base64,"
PNG = b"\x89PNG\r\n\x1a\n"
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")


class Refused(FatalURLFetchingError):  # type: ignore[misc]  # untyped library
    """The document asked for something that is not in memory; nothing is fetched."""


class MissingGlyph(Exception):
    """No font here can draw a character, so the text would not be what was meant."""


class Locked(URLFetcher):  # type: ignore[misc]  # untyped library
    """Answers ``asset:`` out of memory and small pictures out of the document, nothing else."""

    def __init__(self, assets: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self.assets = assets

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002
        """Return an asset or an embedded picture.

        :raises Refused: for any other address
        """
        scheme, _colon, name = url.partition(":")
        if scheme == "asset" and name in self.assets:
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            return URLFetcherResponse(url, self.assets[name], {"Content-Type": kind})
        if url.startswith(PICTURE) and len(url) <= LARGEST_PICTURE:
            picture = base64.b64decode(url.removeprefix(PICTURE), validate=True)
            if picture.startswith(PNG):
                return URLFetcherResponse(url[:32], picture, {"Content-Type": "image/png"})
        raise Refused(url[:200])


class GlyphGuard(logging.Handler):
    """Remembers characters that no font could draw; the library only warns of them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.missing: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the character of a warning about a missing glyph."""
        if str(record.msg).startswith(".notdef"):
            self.missing.append(f"U+{record.args[1]:04X}")  # type: ignore[index]


def confine(memory_bytes: int, cpu_seconds: int) -> None:
    """Give up what a renderer never needs: more memory, more time, sockets, processes."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_forbid)


def _forbid(event: str, _arguments: object) -> None:
    if event.startswith(FORBIDDEN):
        raise Refused(event)


def make(html: str, assets: Mapping[str, bytes]) -> bytes:
    """Render a document.

    :raises Refused: if it asks for anything outside
    :raises MissingGlyph: if a character cannot be drawn
    """
    guard = GlyphGuard()
    logger = logging.getLogger("weasyprint")
    logger.handlers[:] = [guard]
    document = HTML(string=html, base_url="asset:", url_fetcher=Locked(assets))
    pdf: bytes = document.write_pdf(pdf_variant="pdf/a-3a", pdf_tags=True)
    if guard.missing:
        raise MissingGlyph(" ".join(sorted(set(guard.missing))[:20]))
    return pdf


def main() -> None:
    """Do what stdin asks, and say how it ended."""
    asked = json.load(sys.stdin)
    confine(*asked["limits"])
    assets = {name: base64.b64decode(data) for name, data in asked["assets"].items()}
    try:
        pdf = make(asked["html"], assets)
        said = "PDF"
    except MissingGlyph as lack:
        pdf, said = b"", f"GLYPH {lack}"
    except Refused as address:
        pdf, said = b"", f"REFUSED {address}"
    except MemoryError:
        pdf, said = b"", "MEMORY"
    sys.stdout.buffer.write(said.encode() + b"\n" + pdf)


if __name__ == "__main__":
    main()
