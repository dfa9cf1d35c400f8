"""Full card numbers leave every text that is kept: entries of the log, lines of the journal."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from portal.kit.pan import find_card_numbers


def without_card_numbers(value: object) -> object:
    """Return the value with every full card number masked, however deep it sits."""
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, Mapping):
        return {name: without_card_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_card_numbers(inner) for inner in value]
    return value


def mask_line(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep out of the journal what people typed (a structlog processor).

    Card numbers are masked wherever they are; of an address the query is left out.
    """
    for name, value in line.items():
        line[name] = without_card_numbers(value)
    if isinstance(line.get("request"), str):
        line["request"] = line["request"].partition("?")[0]
    return line


def _masked(text: str) -> str:
    for found in reversed(find_card_numbers(text)):
        text = text[: found.start] + found.masked + text[found.end :]
    return text
