"""Django's PostgreSQL backend, with the role declared first in every transaction."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base

from portal import embedded
from portal.kit import scope


class DatabaseWrapper(base.DatabaseWrapper):
    """Begins each transaction under the current scope (see kit/scope.py)."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; where the servers are our own, have them answer first, and stay."""
        if settings.EMBEDDED_DATABASE:
            embedded.ensure(Path(settings.PORTAL_DATA))
        return super().get_new_connection(conn_params)

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - Django's signature
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        now = scope.current()
        if not autocommit and now is not None and self.alias == "default":
            self.connection.execute(scope.statement(now))
