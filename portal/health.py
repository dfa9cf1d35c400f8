"""What machines ask the portal: is it alive, is it ready, what does it count, what can it do."""

import hmac
import ipaddress
import json
import os
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.transaction import atomic
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest

from portal import checks
from portal.celery import app
from portal.jobs.queries import count_waiting
from portal.kit.scope import GATE, WORKER, acting_as
from portal.servers import Unavailable

WAITING = Gauge("countinghouse_waiting", "Jobs and messages that wait", ["what"])
NOTICE_KEPT = timedelta(days=90)


class NotReady(Exception):
    """A part of the system does not work; the text is a code, without inner detail."""


@require_GET
def healthz(_request: HttpRequest) -> JsonResponse:
    """Say that this process answers; it asks nobody else."""
    return JsonResponse({"status": "ok", "version": settings.PRODUCT_VERSION})


@require_GET
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say of each part that the portal needs whether it works; 503 if one does not."""
    parts = {name: _ask(part) for name, part in PARTS.items()}
    ready = all(part["ok"] for part in parts.values())
    body = {"status": "ready" if ready else "not ready", "parts": parts}
    response = JsonResponse(body, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "5"
    return response


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the counters to this machine, or to whoever holds the token.

    :raises Http404: for anybody else
    """
    if not (_from_here(request) or _holds_token(request)):
        raise Http404
    try:
        with acting_as(WORKER), atomic():
            for what, count in count_waiting().items():
                WAITING.labels(what).set(count)
    except DatabaseTrouble:
        WAITING.clear()
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


@require_GET
def schema(_request: HttpRequest) -> HttpResponse:
    """Give the OpenAPI 3.1 description of everything under /api/."""
    return HttpResponse(_schema(), content_type="application/vnd.oai.openapi+json")


@require_GET
def security_txt(request: HttpRequest) -> HttpResponse:
    """Say where to report a weakness (RFC 9116)."""
    address = request.build_absolute_uri(reverse("security-txt"))
    until = (timezone.now() + NOTICE_KEPT).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {until.isoformat()}",
        "Preferred-Languages: zh, en",
        f"Canonical: {address}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@cache
def _schema() -> bytes:
    with override("en"):
        made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(made, ensure_ascii=False).encode()


def _ask(part: Callable[[], None]) -> dict[str, object]:
    began = time.perf_counter()
    answer: dict[str, object] = {"ok": True}
    try:
        part()
    except NotReady as why:
        answer = {"ok": False, "why": str(why)}
    except (DatabaseTrouble, OSError, Unavailable) as trouble:
        answer = {"ok": False, "why": type(trouble).__name__}
    return {**answer, "ms": round((time.perf_counter() - began) * 1000)}


def _database() -> None:
    """Ask PostgreSQL for a query and for one call of PL/pgSQL."""
    with acting_as(GATE), atomic(), connection.cursor() as cursor:
        cursor.execute("select pos_alive()")
        if cursor.fetchone() != (True,):
            raise NotReady("PLPGSQL")


def _guards() -> None:
    """Look once whether roles and row-level security stand; they do not vanish by themselves."""
    if missing := checks.missing_guards():
        raise NotReady(missing[0].id or "GUARDS")


def _migrations() -> None:
    with acting_as(GATE), atomic(), connection.cursor() as cursor:
        cursor.execute("select app, name from django_migrations")
        applied = set(cursor.fetchall())
    if _wanted() - applied:
        raise NotReady("UNAPPLIED")


@cache
def _wanted() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def _broker() -> None:
    with app.connection_for_write() as link:
        try:
            link.connect()
        except link.connection_errors as away:
            raise NotReady("AWAY") from away


def _storage() -> None:
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".ready.{secrets.token_hex(4)}"
    with probe.open("xb") as file:
        try:
            file.write(b"ready")
            file.flush()
            os.fsync(file.fileno())
        finally:
            probe.unlink()


PARTS: dict[str, Callable[[], None]] = {
    "database": _database,
    "guards": _guards,
    "migrations": _migrations,
    "broker": _broker,
    "storage": _storage,
}


def _from_here(request: HttpRequest) -> bool:
    """Say whether the caller is this machine itself, and no proxy on it for another."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _holds_token(request: HttpRequest) -> bool:
    said = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(said.encode(), wanted.encode())
