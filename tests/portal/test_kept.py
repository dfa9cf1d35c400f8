"""Parts of pages that are kept: never another's, never out of date, never without bounds."""

import pytest
from django.template import Context, Engine
from django.utils import translation

from portal.templatetags import kept
from portal.templatetags.kept import Kept, KeptWrong, Shelf


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty shelf."""
    monkeypatch.setattr(kept, "_shelf", Shelf())
    return kept._shelf


@pytest.fixture
def as_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparing that tests do."""
    monkeypatch.setattr(Kept, "compare", False)


def drawn(source: str, **values: object) -> str:
    return Engine.get_default().from_string(source).render(Context(values))


def test_a_part_is_rendered_once_for_one_key(as_served: None) -> None:
    source = '{% kept "part" key %}{{ key }}{{ other }}{% endkept %}'

    assert drawn(source, key=1, other="a") == "1a"
    assert drawn(source, key=1, other="b") == "1a"
    assert drawn(source, key=2, other="b") == "2b"


def test_a_key_that_lacks_a_value_is_found_by_the_tests() -> None:
    source = '{% kept "part" key %}{{ other }}{% endkept %}'
    drawn(source, key=1, other="a")

    with pytest.raises(KeptWrong, match="part: a is kept, b is right"):
        drawn(source, key=1, other="b")


def test_each_answer_has_the_token_of_its_own_forms(as_served: None) -> None:
    source = '{% kept "form" %}<form>{% csrf_token %}</form>{% endkept %}'
    first, second = (drawn(source, csrf_token=token) for token in ("one", "two"))

    assert 'value="one"' in first
    assert first.replace("one", "two") == second


def test_each_language_has_its_own(as_served: None) -> None:
    source = '{% kept "word" %}{% translate "Transactions" %}{% endkept %}'
    said = set()
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said.add(drawn(source))

    assert len(said) == 2


def test_what_a_part_shows_is_escaped_once(as_served: None) -> None:
    source = '{% kept "part" key %}{{ key }}{% endkept %}'

    assert [drawn(source, key="<b>&") for _ in range(2)] == ["&lt;b&gt;&amp;"] * 2


def test_what_is_kept_has_bounds(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 10)
    for key in range(3):
        shelf.keep((key,), "four")

    assert [shelf.find((key,)) for key in range(3)] == [None, None, "four"]
