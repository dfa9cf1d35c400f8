"""Text that is HTML already, said in one place."""

from django.utils.safestring import SafeString, mark_safe


def markup(text: str) -> SafeString:
    """Declare text as HTML: every part of it is a constant of ours, or was escaped."""
    return mark_safe(text)  # nosec B308, B703  # noqa: S308 - every caller has escaped
