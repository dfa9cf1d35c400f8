"""Every address of the product, as the URL configuration has it, with what it demands."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from portal.accounts.access import ROUTES


@dataclass(frozen=True, slots=True)
class RouteLine:
    """One address. ``declared`` is false where access.py does not know the name."""

    name: str
    path: str
    methods: tuple[str, ...]
    permission: str
    roles: tuple[str, ...]
    step_up: bool
    audit_event: str
    public: bool
    persona: str
    declared: bool


def list_routes() -> list[RouteLine]:
    """List all addresses in the order in which they are tried."""
    return [_line(name, path) for name, path in _walk(get_resolver(), "/", "")]


def _walk(resolver: URLResolver, prefix: str, space: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry, path, inner)
        elif isinstance(entry, URLPattern):
            yield f"{space}{entry.name or ''}", path


def _line(name: str, path: str) -> RouteLine:
    route = ROUTES.get(name)
    if route is None:
        return RouteLine(name, path, (), "", (), False, "", False, "", False)  # noqa: FBT003
    return RouteLine(
        name=name,
        path=path,
        methods=route.methods,
        permission=route.permission,
        roles=tuple(card.code for card in route.roles),
        step_up=route.step_up,
        audit_event=route.audit_event,
        public=route.public,
        persona=route.persona.value,
        declared=True,
    )
