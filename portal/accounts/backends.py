"""Who a name and a password belong to, in the same time whether or not the name exists."""

from functools import cache
from secrets import token_urlsafe
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from portal.accounts import queries
from portal.accounts.models import User


class PasswordBackend(BaseBackend):
    """Checks a username and a password; the second factor comes after."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002 - Django's signature
        username: str = "",
        password: str = "",
        **_credentials: Any,
    ) -> User | None:
        """Return the person, or nothing: wrong name, wrong password, may not sign in."""
        user = queries.find_user(username)
        if user is None:
            check_password(password, _nobodys())
            return None
        right = user.check_password(password)
        return user if right and queries.may_sign_in(user) else None

    def get_user(self, user_id: int) -> User | None:
        """Return a person by id."""
        return queries.find_user_by_id(user_id)


@cache
def _nobodys() -> str:
    """Hash something nobody knows, so that an unknown name costs what a known one does."""
    return make_password(token_urlsafe())
