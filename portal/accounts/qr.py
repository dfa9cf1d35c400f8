"""The secret of a new authenticator, as a picture to scan and as letters to type."""

from base64 import b32encode
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.utils.safestring import SafeString

from portal.kit.markup import markup

GROUP = 4


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person needs to add the account to an app. ``picture`` is inline SVG."""

    picture: SafeString
    typed: str


def provisioning_uri(username: str, seed: bytes) -> str:
    """Return the otpauth address that authenticator apps read."""
    issuer = settings.OTP_TOTP_ISSUER
    secret = b32encode(seed).decode()
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?" + urlencode(
        {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": 30}
    )


def enrolment(username: str, seed: bytes) -> Enrolment:
    """Draw the picture and group the letters."""
    code = segno.make(provisioning_uri(username, seed), error="m", micro=False)
    # Apps scan dark on light only, so the picture keeps its colours in the dark theme too.
    picture = code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False)
    letters = b32encode(seed).decode()
    return Enrolment(
        picture=markup(picture),
        typed=" ".join(letters[i : i + GROUP] for i in range(0, len(letters), GROUP)),
    )
