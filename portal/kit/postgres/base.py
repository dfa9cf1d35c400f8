"""Django's PostgreSQL backend, with the role declared first in every transaction."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base, client

from portal import embedded, servers
from portal.kit import scope


class DatabaseClient(client.DatabaseClient):
    """``manage.py dbshell``: the embedded servers awake, and their psql where there is none."""

    def runshell(self, parameters: Iterable[str]) -> None:
        """Open psql as this alias connects."""
        _wake()
        super().runshell(parameters)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return psql's command line and environment."""
        (program, *rest), environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        if shutil.which(program) is None:
            program = str(servers.postgres_bin() / program)
        return [program, *rest], environment


class DatabaseWrapper(base.DatabaseWrapper):
    """Begins each transaction under the current scope (see kit/scope.py)."""

    client_class = DatabaseClient

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; where the servers are our own, have them answer first, and stay."""
        _wake()
        return super().get_new_connection(conn_params)

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - Django's signature
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        now = scope.current()
        if not autocommit and now is not None and self.alias == "default":
            self.connection.execute(scope.statement(now))


def _wake() -> None:
    if settings.EMBEDDED_DATABASE:
        embedded.ensure(Path(settings.PORTAL_DATA))
