"""Where a request came from, as far as that can be believed."""

from collections.abc import Mapping
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from portal.kit.secrets import fingerprint


def client_ip(request: HttpRequest) -> str:
    """Return the caller's address, or nothing if it cannot be told.

    Anybody can send ``X-Forwarded-For``; it is believed only from a proxy that the
    installation names in TRUSTED_PROXIES, and then only up to the first hop it does not name.
    """
    peer = _plain(str(request.META.get("REMOTE_ADDR", "")))
    trusted = settings.TRUSTED_PROXIES
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while peer in trusted and hops and (hop := _plain(hops.pop())):
        peer = hop
    return peer


def hashed_username(_request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """Return what the lockout knows a name by: a keyed hash, whatever was typed."""
    return fingerprint((credentials or {}).get("username", ""), purpose="username")


def _plain(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
