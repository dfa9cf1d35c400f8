"""PDF out of a template, made in a process of its own that can reach nothing."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

PRESS = Path(__file__).with_name("press.py")
STYLES = "css/print.css"
# Fonts and libraries may lie where only these say; nothing else of ours goes along.
NEEDED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "FONTCONFIG_PATH",
    "FONTCONFIG_FILE",
    "XDG_CACHE_HOME",
    "HOME",
)
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 20
WALL_SECONDS = 30.0
NO_ASSETS: Mapping[str, bytes] = MappingProxyType({})


class Unavailable(Exception):
    """This machine lacks the libraries that shape text; the page answers 503."""


class MissingGlyph(Exception):
    """A character of the text cannot be drawn here, so the document is not issued."""


class Refused(Exception):
    """The document asked for an address; nothing was fetched and nothing is issued."""


class Overrun(Exception):
    """Making the document took more time or memory than any of ours needs."""


def render(
    template: str, context: Mapping[str, object], *, assets: Mapping[str, bytes] = NO_ASSETS
) -> bytes:
    """Make a PDF/A-3a of a template that extends ``pdf/sheet.html``.

    ``assets`` are bytes that the template names as ``asset:NAME``. Call it outside any
    transaction: it takes about a second.

    :raises Unavailable: if the libraries are missing
    :raises MissingGlyph: if no font can draw a character
    :raises Refused: if the document asks for an address
    :raises Overrun: if it is too large
    """
    html = render_to_string(template, dict(context))
    return press(html, assets={STYLES: _styles(), **assets})


def press(
    html: str, *, assets: Mapping[str, bytes] = NO_ASSETS, wall_seconds: float = WALL_SECONDS
) -> bytes:
    """Make a PDF of a whole HTML document.

    :raises Unavailable: if the libraries are missing
    :raises MissingGlyph: if no font can draw a character
    :raises Refused: if the document asks for an address
    :raises Overrun: if it is too large
    """
    packed = {name: base64.b64encode(data).decode() for name, data in assets.items()}
    asked = {"html": html, "assets": packed, "limits": [MEMORY_BYTES, CPU_SECONDS]}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(PRESS)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
            cwd="/",
            env={name: os.environ[name] for name in NEEDED if name in os.environ},
            timeout=wall_seconds,
        )
    except subprocess.TimeoutExpired as late:
        raise Overrun(f"more than {wall_seconds:g} seconds") from late
    return _outcome(done)


def _outcome(done: "subprocess.CompletedProcess[bytes]") -> bytes:
    """Tell the ways in which the process may have ended apart."""
    said, _newline, pdf = done.stdout.partition(b"\n")
    word, _space, detail = said.decode(errors="replace").partition(" ")
    if word == "PDF":
        return pdf
    if word == "GLYPH":
        raise MissingGlyph(detail)
    if word == "REFUSED":
        raise Refused(detail)
    if word == "MISSING":
        raise Unavailable
    raise Overrun(f"ended with code {done.returncode}: {done.stderr.decode()[-500:]}")


def _styles() -> bytes:
    found = finders.find(STYLES)
    if not isinstance(found, str):
        raise FileNotFoundError(STYLES)
    return Path(found).read_bytes()
