"""``reset_login USERNAME``: a way back in for somebody who is locked out for good."""

from argparse import ArgumentParser
from secrets import choice, randbelow
from typing import Any

from django.db.transaction import atomic
from django.utils import timezone

from portal.accounts.actions.people import reset_login
from portal.accounts.queries import find_user
from portal.kit.command import Command as PortalCommand
from portal.kit.command import refuse, system

LETTERS = "abcdefghjkmnpqrstuvwxyz"


class Command(PortalCommand):
    """Open an account again with a new password, which is shown once."""

    help = "Open an account again with a new password, shown once; its sessions end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the name, and whether the phone is lost too."""
        parser.add_argument("username")
        parser.add_argument(
            "--new-authenticator",
            action="store_true",
            help="forget the authenticator and the recovery codes; a new one is set up at log-in",
        )

    def work(self, **options: Any) -> dict[str, Any]:
        """Draw a password and set it."""
        groups = ["".join(choice(LETTERS) for _ in range(4)) for _ in range(3)]
        password = "-".join([*groups, f"{randbelow(10_000):04d}"])
        with atomic():
            user = find_user(options["username"])
            if user is None:
                refuse(f"Nobody has the username {options['username']}.")
            reset_login(
                user,
                password=password,
                new_authenticator=options["new_authenticator"],
                actor=system("reset_login", "person.manage"),
                now=timezone.now(),
            )
        return {
            "username": user.username,
            "password": password,
            "new_authenticator": options["new_authenticator"],
        }
