"""The published schema: endpoints that decode with msgspec are added to DRF's."""

from typing import Any

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.openapi import AutoSchema
from msgspec import Struct

DEVICE_SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "Signature",
    "description": "RFC 9421 signature by the key that the terminal made for itself.",
}


class NamedByEndpoint(AutoSchema):
    """Names the types of an endpoint after it: each has its own ``Input`` and ``Output``."""

    def get_serializer_name(self, serializer: Any, direction: str) -> str:  # noqa: ARG002
        """Return ``SignInInput`` for ``SignIn.Input``."""
        return type(serializer).__qualname__.replace(".", "")


class HotEndpoint(Struct, frozen=True):
    """One endpoint outside DRF: its address, message types and answers in words."""

    path: str
    summary: str
    request: Any
    responses: dict[str, tuple[str, Any]]


def add_hot_endpoints(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular: add ``settings.HOT_ENDPOINTS``."""
    endpoints: list[HotEndpoint] = [
        endpoint for dotted in settings.HOT_ENDPOINTS for endpoint in import_string(dotted)
    ]
    types = [e.request for e in endpoints]
    types += [body for e in endpoints for _words, body in e.responses.values() if body]
    _outs, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    result.setdefault("components", {}).setdefault("schemas", {}).update(components)
    result["components"].setdefault("securitySchemes", {})["deviceSignature"] = DEVICE_SIGNATURE
    for endpoint in endpoints:
        result["paths"][endpoint.path] = {"post": _operation(endpoint)}
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _operation(endpoint: HotEndpoint) -> dict[str, Any]:
    def content(kind: Any, status: str = "200") -> dict[str, Any]:
        schema = msgspec.json.schema_components(
            [kind], ref_template="#/components/schemas/{name}"
        )[0][0]
        refused = status.startswith(("4", "5"))
        form = "application/problem+json" if refused else "application/json"
        return {form: {"schema": schema}}

    return {
        "operationId": endpoint.path.strip("/").replace("/", "_").replace("-", "_"),
        "summary": endpoint.summary,
        "tags": ["device"],
        "security": [{"deviceSignature": []}],
        "requestBody": {"required": True, "content": content(endpoint.request)},
        "responses": {
            status: {"description": words, **({"content": content(body, status)} if body else {})}
            for status, (words, body) in endpoint.responses.items()
        },
    }
