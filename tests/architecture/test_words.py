"""Both languages, whole."""

import re

import polib
import pytest

from tests.words import catalogue, in_code

LANGUAGES = ("en", "zh_Hans")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_just_the_words_of_the_product(language: str) -> None:
    kept = {
        (entry.msgctxt or "", entry.msgid, entry.msgid_plural)
        for entry in polib.pofile(str(catalogue(language)))
    }

    assert in_code() - kept == set()
    assert kept - in_code() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_translated_and_none_is_a_guess(language: str) -> None:
    words = polib.pofile(str(catalogue(language)))

    assert [entry.msgid for entry in words.untranslated_entries()] == []
    assert [entry.msgid for entry in words.fuzzy_entries()] == []


def test_translations_keep_their_placeholders() -> None:
    broken = [
        entry.msgid
        for entry in polib.pofile(str(catalogue("zh_Hans")))
        for text in [entry.msgstr, *entry.msgstr_plural.values()]
        if text
        and set(PLACEHOLDER.findall(text))
        - set(PLACEHOLDER.findall(entry.msgid + (entry.msgid_plural or "")))
    ]

    assert broken == []
