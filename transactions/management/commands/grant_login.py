"""``grant_login MERCHANT --role OWNER --username X``: a first person for a merchant."""

from argparse import ArgumentParser
from typing import Any

from django.db.transaction import atomic
from django.utils import timezone

from merchants.profiles.models import Merchant
from merchants.staff.actions import add_member
from merchants.staff.models import MERCHANT_ROLES
from portal.accounts.actions.factors import hand_over_authenticator
from portal.accounts.actions.people import NameTaken, create_person
from portal.accounts.models import Role
from portal.kit.command import Command as PortalCommand
from portal.kit.command import refuse, system
from transactions.management.demo.cast import new_password

GRANTER = system("grant_login", "person.manage", "merchant.manage")


class Command(PortalCommand):
    """Create a person for a merchant that exists; password and key are shown once."""

    help = "Create a person for a merchant; prints a password and an authenticator key once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the merchant, the role and the name."""
        parser.add_argument("merchant", help="the merchant's number")
        parser.add_argument("--role", choices=[r.value for r in MERCHANT_ROLES], default="OWNER")
        parser.add_argument("--username", required=True)
        parser.add_argument("--name", default="", help="the name shown; the username if not given")

    def work(self, **options: Any) -> dict[str, Any]:
        """Create the account, its membership and its authenticator, all or nothing."""
        now, password = timezone.now(), new_password()
        with atomic():
            merchant = Merchant.objects.filter(code=options["merchant"]).first()
            if merchant is None:
                refuse(f"There is no merchant {options['merchant']}.")
            try:
                user = create_person(
                    username=options["username"],
                    display_name=options["name"] or options["username"],
                    password=password,
                    actor=GRANTER,
                    now=now,
                )
            except NameTaken:
                refuse(f"The username {options['username']} is taken.")
            add_member(user, merchant, role=Role(options["role"]), actor=GRANTER, now=now)
            seed = hand_over_authenticator(user, actor=GRANTER, now=now)
        return {
            "username": user.username,
            "password": password,
            "totp_secret": seed,
            "merchant": merchant.code,
            "role": options["role"],
        }
