"""PDF: the text that was meant, no address fetched, never more than its share."""

import base64
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pypdfium2
import pytest

from portal.kit import pdf

STYLE = "<link rel=stylesheet href='asset:css/print.css'>"
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
ADDRESSES = [
    "<img src='http://127.0.0.1:9/x.png'>",
    "<img src='https://127.0.0.1:9/x.png'>",
    "<img src='file:///etc/hostname'>",
    "<img src='ftp://127.0.0.1/x.png'>",
    "<img src='x.png'>",
    "<img src='asset:not-there.png'>",
    "<img src='data:image/svg+xml;base64,PHN2Zy8+'>",
    "<img src='data:image/png;base64,PHN2Zy8+'>",
    "<link rel=stylesheet href='http://127.0.0.1:9/x.css'>",
    "<link rel=attachment href='file:///etc/hostname'>",
    "<style>@import 'file:///etc/hostname';</style>",
    "<style>@font-face{font-family:x;src:url(http://127.0.0.1:9/x)} p{font-family:x}</style><p>x",
    "<p style=\"background:url('http://127.0.0.1:9/x.png')\">x",
    "<style>p::before{content:url(file:///etc/hostname)}</style><p>x",
    "<object data='file:///etc/hostname'></object>",
    "<embed src='http://127.0.0.1:9/x.svg'>",
    "<svg width=9 height=9><image href='file:///etc/hostname' width=9 height=9 /></svg>",
]


def text_of(made: bytes) -> str:
    document = pypdfium2.PdfDocument(made)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return "".join(pages).replace("\r\n", "\n")


def unpacked(made: bytes) -> bytes:
    """Everything that the streams of a PDF hold."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", made, re.DOTALL)
    return b"".join(zlib.decompress(s) for s in streams if s.startswith(b"x"))


def test_chinese_and_figures_come_back_as_they_went_in() -> None:
    said = ["商户对账单", "面馆（静安店）", "净额 ¥1,234.50", "退款 −¥100.00", "2026-11-20"]
    html = f"<html lang=zh-hans><head><title>对账单</title>{STYLE}</head><body>"
    html += "".join(f"<p>{line}</p>" for line in said) + "</body></html>"

    made = pdf.press(html, assets={pdf.STYLES: Path("static/css/print.css").read_bytes()})

    assert text_of(made).split("\n")[: len(said)] == said
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in unpacked(made)


def test_a_template_is_drawn_with_the_printed_style() -> None:
    made = pdf.render("pdf/sheet.html", {})

    assert made.startswith(b"%PDF-")


@pytest.mark.parametrize("part", ADDRESSES)
def test_no_address_is_fetched_whatever_asks_for_it(part: str) -> None:
    try:
        made = pdf.press(f"<html><body>{part}</body></html>")
    except pdf.Refused:
        return

    hostname = Path("/etc/hostname").read_bytes().strip()
    assert hostname not in made
    assert b"EmbeddedFile" not in made


def test_a_small_picture_in_the_document_is_drawn() -> None:
    assert base64.b64decode(DOT).startswith(b"\x89PNG")

    made = pdf.press(f"<html><body><img src='data:image/png;base64,{DOT}'></body></html>")

    assert b"/Image" in made


def test_a_character_that_no_font_draws_stops_the_document() -> None:
    with pytest.raises(pdf.MissingGlyph, match=r"U\+20164"):
        pdf.press("<html><body><p>\U00020164</p></body></html>")


def test_a_document_that_takes_too_long_is_given_up() -> None:
    rows = "<tr><td>x</td></tr>" * 20_000

    with pytest.raises(pdf.Overrun, match="more than 3 seconds"):
        pdf.press(f"<html><body><table>{rows}</table></body></html>", wall_seconds=3)


def test_a_document_that_takes_too_much_memory_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf, "MEMORY_BYTES", 200 * 1024 * 1024)
    rows = "<tr><td>x</td></tr>" * 20_000

    with pytest.raises(pdf.Overrun):
        pdf.press(f"<html><body><table>{rows}</table></body></html>")


def test_without_the_libraries_it_says_so(tmp_path: Path) -> None:
    fake = tmp_path / "weasyprint.py"
    fake.write_text("raise OSError('cannot load library')")
    done = subprocess.run(
        [sys.executable, str(pdf.PRESS)],
        env={"PYTHONPATH": str(tmp_path)},
        input=b"",
        capture_output=True,
        check=False,
    )

    with pytest.raises(pdf.Unavailable):
        pdf._outcome(done)


def test_the_press_sees_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary")
    kept = {name for name in pdf.NEEDED if "SECRET" in name or "DATABASE" in name}

    assert kept == set()
    assert b"canary" not in pdf.press("<html><body><p>x</p></body></html>")
