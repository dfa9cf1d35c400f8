"""What a password must be, by profile, and the validators that Django calls.

The rules contradict each other (ASVS 6.2.5 forbids what PCI DSS 8.3.6 demands), so the
installation picks one profile instead of a silent mixture.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.accounts.models import PasswordHistory, User
from portal.kit.scope import through_gate

LONGEST = 128
FEWEST_CHARACTERS = 5  # different ones
REMEMBERED = 4
# Words of the product, and of what is sold with it, are the first that an attacker tries.
PRODUCT_WORDS = ("countinghouse", "账房", "账房网", "password", "portal", "merchant", "terminal")
SHORTEST_CONTEXT_WORD = 3
LOOK_ALIKES = str.maketrans("@4031!$57", "aaoeiisst")

LOWER, UPPER, DIGIT = re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]")
OTHER = re.compile(r"[^a-zA-Z0-9]")
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Profile:
    """One set of password rules. ``kinds`` counts a-z, A-Z, 0-9 and everything else."""

    shortest: int
    letter_and_digit: bool = False
    kinds: int = 1
    longest_use: timedelta | None = None


PROFILES = {
    # OWASP ASVS 5.0: length decides, nothing is composed, nothing expires
    "asvs": Profile(shortest=15),
    # PCI DSS 8.3.6; no regular change (8.3.9) because nobody signs in with a password alone
    "pci": Profile(shortest=12, letter_and_digit=True),
    # GB/T 22239 level 3, 8.1.4.1: complexity and regular change
    "mlps3": Profile(shortest=12, kinds=3, longest_use=timedelta(days=90)),
}


def profile() -> Profile:
    """Return the profile this installation runs under."""
    return PROFILES[settings.PASSWORD_PROFILE]


def is_overdue(changed_at: datetime, *, now: datetime) -> bool:
    """Say whether a password set at ``changed_at`` must be changed by now."""
    longest_use = profile().longest_use
    return longest_use is not None and now - changed_at >= longest_use


def _kinds(password: str) -> int:
    return sum(bool(kind.search(password)) for kind in (LOWER, UPPER, DIGIT, OTHER))


class ProfileValidator:
    """Length and composition, as the profile has them."""

    def validate(self, password: str, user: User | None = None) -> None:  # noqa: ARG002
        """Let the password pass, or say the first rule it breaks.

        :raises ValidationError: with the rule in words
        """
        rules = profile()
        if len(password) < rules.shortest:
            raise ValidationError(
                _("Use at least %(count)s characters.") % {"count": rules.shortest}
            )
        if len(password) > LONGEST:
            raise ValidationError(_("Use at most %(count)s characters.") % {"count": LONGEST})
        if len(set(password)) < FEWEST_CHARACTERS:
            raise ValidationError(
                _("Use at least %(count)s different characters.") % {"count": FEWEST_CHARACTERS}
            )
        if rules.letter_and_digit and not (LETTER.search(password) and DIGIT.search(password)):
            raise ValidationError(_("Use at least one letter and one digit."))
        if _kinds(password) < rules.kinds:
            raise ValidationError(
                _("Mix at least three of: small letters, capitals, digits, other characters.")
            )

    def get_help_text(self) -> str:
        """Say the rules before anything is typed."""
        rules = profile()
        said = [_("At least %(count)s characters.") % {"count": rules.shortest}]
        if rules.letter_and_digit:
            said.append(_("Use at least one letter and one digit."))
        if rules.kinds > 1:
            said.append(
                _("Mix at least three of: small letters, capitals, digits, other characters.")
            )
        return " ".join(said)


class ContextValidator:
    """Nothing that anybody can read on the sign-in page or in the person's profile."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Let the password pass, or say that it holds a word of its surroundings.

        :raises ValidationError: naming the word
        """
        plain = password.casefold()
        meant = plain.translate(LOOK_ALIKES)
        for word in (*PRODUCT_WORDS, *_words_of(user)):
            if word in plain or word in meant:
                raise ValidationError(
                    _("Leave out “%(word)s”: it is easy to guess here.") % {"word": word}
                )

    def get_help_text(self) -> str:
        """Say the rule before anything is typed."""
        return _("Leave out your name, your username and the name of the product.")


class HistoryValidator:
    """None of the passwords used last."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Let the password pass, or say that it was used before.

        :raises ValidationError: if it is the present one or one of the four before
        """
        if user is None or user.pk is None:
            return
        with through_gate():
            before = list(
                PasswordHistory.objects.filter(user=user)
                .order_by("-replaced_at")
                .values_list("password", flat=True)[:REMEMBERED]
            )
        if any(check_password(password, known) for known in (user.password, *before)):
            raise ValidationError(
                _("You used this password before. Choose one that you have not used lately.")
            )

    def get_help_text(self) -> str:
        """Say the rule before anything is typed."""
        return _("Not one of your last %(count)s passwords.") % {"count": REMEMBERED}


def _words_of(user: User | None) -> list[str]:
    if user is None:
        return []
    known = [user.username, user.email.partition("@")[0], *user.display_name.split()]
    return [word.casefold() for word in known if len(word) >= SHORTEST_CONTEXT_WORD]
