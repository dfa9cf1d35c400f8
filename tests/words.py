"""The words of the product: read out of code and templates, kept in two catalogues.

``python -m tests.words`` (``make words``) brings both catalogues up to date; what is new in
Chinese is left empty for a person to write.
"""

import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polib
from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

from tests.architecture.tree import ROOT, committed, modules

LOCALE = ROOT / "portal/locale"
KEYWORDS: dict[str, Any] = {
    "_": (1,),
    "gettext": (1,),
    "gettext_lazy": (1,),
    "gettext_noop": (1,),
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
Word = tuple[str, str, str]  # context, msgid, msgid_plural


def catalogue(language: str) -> Path:
    """Where a language's catalogue lies."""
    return LOCALE / language / "LC_MESSAGES/django.po"


@cache
def in_code() -> frozenset[Word]:
    """Every word that the code or a template asks to be translated."""
    found: set[Word] = set()
    for path in modules():
        found.update(_read(path.read_bytes()))
    for path in committed():
        if path.is_relative_to(ROOT / "templates") and path.suffix in (".html", ".txt"):
            found.update(_read(templatize(path.read_text(encoding="utf-8")).encode()))
    return frozenset(word for word in found if word[1])


def _read(source: bytes) -> Iterator[Word]:
    for _line, called, messages, _comments in extract_python(
        io.BytesIO(source), KEYWORDS, [], {"encoding": "utf-8"}
    ):
        name = str(called)
        parts = messages if isinstance(messages, tuple | list) else [messages]
        if name.startswith(("pgettext", "npgettext")) and len(parts) > 1 and parts[0]:
            context, texts = parts[0], parts[1:]
        else:
            context, texts = "", parts
        if texts and isinstance(texts[0], str):
            plural = texts[1] if name.startswith(("n", "np")) and len(texts) > 1 else ""
            yield context, texts[0], plural or ""


def update() -> int:
    """Bring both catalogues up to date and return how many Chinese words are missing."""
    missing = 0
    for language, plurals in (("en", 2), ("zh_Hans", 1)):
        path = catalogue(language)
        known = {
            (entry.msgctxt or "", entry.msgid): entry
            for entry in (polib.pofile(str(path)) if path.exists() else [])
        }
        fresh = polib.POFile(wrapwidth=95)
        fresh.metadata = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Transfer-Encoding": "8bit",
            "Language": language,
            "Plural-Forms": "nplurals=1; plural=0;"
            if plurals == 1
            else "nplurals=2; plural=(n != 1);",
        }
        for word in sorted(in_code(), key=lambda word: (word[1], word[0])):
            entry = _entry(word, language, known.get((word[0], word[1])))
            missing += not entry.translated()
            fresh.append(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.save(str(path))
    return missing


def _entry(word: Word, language: str, known: polib.POEntry | None) -> polib.POEntry:
    context, msgid, plural = word
    entry = polib.POEntry(msgid=msgid, msgctxt=context or None, msgid_plural=plural)
    if "%(" in msgid:
        entry.flags.append("python-format")
    if language == "en":
        said, said_plural = msgid, plural
    else:
        old = known.msgstr_plural.get(0, "") if known is not None and known.msgid_plural else ""
        said = said_plural = (known.msgstr or old) if known is not None else ""
    if not plural:
        entry.msgstr = said
    elif language == "en":
        entry.msgstr_plural = {0: said, 1: said_plural}
    else:
        entry.msgstr_plural = {0: said}
    return entry


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    raise SystemExit(f"{left} words to translate" if (left := update()) else 0)
