"""Parts of a page that follow from few values, kept as text instead of being rendered again.

The frame around every page and the filters above every list are the same for most requests,
and take most of the time of a page. What is kept holds nothing that is not in its key, so it
never has to be forgotten, and is never another person's.
"""

from threading import Lock

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.translation import get_language

from portal.kit.markup import markup

register = template.Library()

# Of all parts together, in characters: some megabytes a process.
MOST_KEPT = 4_000_000
# Stands where the token of a form goes, which differs from answer to answer.
TOKEN = "csrf-token-goes-here"  # noqa: S105 - not a token, the place of one


class Shelf:
    """The parts of one process."""

    def __init__(self) -> None:
        self._parts: dict[tuple[object, ...], str] = {}
        self._characters = 0
        self._lock = Lock()

    def find(self, key: tuple[object, ...]) -> str | None:
        """Return a part, None if it is not kept."""
        return self._parts.get(key)

    def keep(self, key: tuple[object, ...], text: str) -> None:
        """Keep a part; when there is no room, all others go.

        To find out which are old would cost more: the common ones are back at once.
        """
        with self._lock:
            if self._characters + len(text) > MOST_KEPT:
                self._parts.clear()
                self._characters = 0
            self._parts[key] = text
            self._characters += len(text)


_shelf = Shelf()


class KeptWrong(AssertionError):
    """What a part shows does not follow from its key alone."""


class Kept(template.Node):
    """One part. ``keys`` name every value that the content depends on."""

    # Tests render each part again and compare; see tests/conftest.py.
    compare = False

    def __init__(self, content: NodeList, name: str, keys: list[FilterExpression]) -> None:
        self.content, self.name, self.keys = content, name, keys

    def render(self, context: template.Context) -> str:
        """Return the part as it was kept, else render and keep it.

        :raises KeptWrong: where parts are compared, if it differs under the same key
        """
        values = (key.resolve(context) for key in self.keys)
        key = (self.name, get_language(), *values)
        text = _shelf.find(key)
        if text is None or self.compare:
            fresh = self._fresh(context)
            if text is not None and text != fresh:
                raise KeptWrong(f"{self.name}: {text} is kept, {fresh} is right")
            text = fresh
            _shelf.keep(key, text)
        if TOKEN in text:
            text = text.replace(TOKEN, str(context.get("csrf_token") or ""))
        return markup(text)

    def _fresh(self, context: template.Context) -> str:
        with context.push(csrf_token=TOKEN):
            return str(self.content.render(context))


@register.tag
def kept(parser: Parser, token: Token) -> Kept:
    """Keep what stands up to ``endkept``: ``{% kept "name" value value %}``."""
    _tag, name, *keys = token.split_contents()
    content = parser.parse(("endkept",))
    parser.delete_first_token()
    return Kept(content, name.strip("\"'"), [parser.compile_filter(key) for key in keys])
