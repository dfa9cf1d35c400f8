"""Inputs of the doors that are not hot: serializers that take nothing unknown."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from terminals.authentication.contents import forbidden_field, showable
from terminals.authentication.refusals import Refused
from terminals.authentication.schema import refusals_by_status

UNKNOWN = "unknown_field"
PROBLEM = "application/problem+json"
RETRY = ("yes", "after", "no")


class JsonWhateverIsAsked(BaseContentNegotiation):
    """A terminal gets JSON, also where its program asks for problem+json only."""

    def select_parser(self, _request: Request, parsers: Any) -> Any:
        """Take the only parser."""
        return parsers[0]

    def select_renderer(
        self, _request: Request, renderers: Any, _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Take the only renderer."""
        return renderers[0], renderers[0].media_type


class DoorView(APIView):
    """A door that is not hot: the signature is checked by the door itself, not before it."""

    content_negotiation_class = JsonWhateverIsAsked


class Exact(serializers.Serializer[Any]):
    """A serializer that refuses a field it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields.

        :raises ValidationError: if one is unknown, missing or not as agreed
        """
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({unknown[0]: [UNKNOWN]}, code=UNKNOWN)
        return super().to_internal_value(data)


class ProblemOutput(serializers.Serializer[Any]):
    """A refusal (RFC 9457): ``code`` is stable, ``title`` is in the caller's language."""

    type = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    title = serializers.CharField()
    retry = serializers.ChoiceField(choices=RETRY)


def read_input(serializer: type[Exact], value: Any) -> dict[str, Any]:
    """Return the fields of a message as the serializer types them.

    :raises Refused: UNKNOWN_FIELD or INVALID with the field, TRACK_DATA_REFUSED
    """
    if not isinstance(value, dict):
        raise Refused("INVALID", field="")
    reading = serializer(data=value)
    if reading.is_valid():
        return dict(reading.validated_data)
    if refused := forbidden_field(value):
        raise refused
    field, code = _first_fault(reading.errors)
    raise Refused("UNKNOWN_FIELD" if code == UNKNOWN else "INVALID", field=showable(field))


def refusal_responses(*codes: str, skew: int = 0) -> dict[Any, OpenApiResponse]:
    """Return the refusals of a door for its schema."""
    return {
        (int(status), PROBLEM): OpenApiResponse(ProblemOutput, description=", ".join(listed))
        for status, listed in refusals_by_status(*codes, skew=skew).items()
    }


def _first_fault(errors: Any, path: str = "") -> tuple[str, str]:
    if isinstance(errors, Mapping):
        name, inner = next(iter(errors.items()))
        return _first_fault(inner, f"{path}.{name}" if path else str(name))
    first = errors[0] if errors else ""
    return path, str(getattr(first, "code", ""))
