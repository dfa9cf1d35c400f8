"""Lists every route with the permission it takes and the roles that hold it."""

from dataclasses import asdict
from typing import Any

from portal.accounts.route_list import list_routes
from portal.kit.command import Command as BaseCommand
from portal.kit.command import NotSo


class Command(BaseCommand):
    """Lists every route: name, path, methods, permission, roles, second check, audit event.

    Exit 1 if an address is not declared in portal/accounts/access.py.
    """

    help = "List every route, who may call it, and what the audit log then says."

    def work(self, **_options: Any) -> dict[str, Any]:
        """Return the routes.

        :raises NotSo: if one of them is not declared
        """
        result: dict[str, Any] = {"routes": [asdict(line) for line in list_routes()]}
        if not all(line["declared"] for line in result["routes"]):
            raise NotSo(result)
        return result

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write a line a route."""
        return [
            f"{line['path']:<58} {'/'.join(line['methods']):<9}"
            f" {line['permission'] or line['persona'] or 'NOT DECLARED':<22}"
            f" {'second check ' if line['step_up'] else ''}{' '.join(line['roles'])}"
            for line in result["routes"]
        ]
