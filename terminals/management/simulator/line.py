"""The line between a fake terminal and the portal: real HTTP, sometimes a bad one."""

import http.client
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from terminals.management.simulator.device import Reply, Request

TIMEOUT_SECONDS = 10
LOST = Reply(0)


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad a line is: chances from 0 to 1 of each mishap to one message."""

    never_sent: float = 0.0
    answer_lost: float = 0.0
    sent_twice: float = 0.0
    out_of_order: float = 0.0


WEATHER = {"normal": Weather(), "flaky": Weather(0.05, 0.10, 0.05, 0.05)}


@dataclass
class Tally:
    """What one line saw; latencies in milliseconds."""

    sent: int = 0
    acked: int = 0
    lost: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)

    def note(self, reply: Reply) -> None:
        """Count one answer."""
        if reply.status == 0:
            self.lost += 1
        elif reply.code or reply.status >= 400:  # noqa: PLR2004 - the 4xx and 5xx classes
            self.refused[reply.code or str(reply.status)] += 1
        else:
            self.acked += 1


class Line:
    """One keep-alive connection, used by one thread."""

    def __init__(self, url: str, *, weather: Weather, dice: random.Random, tally: Tally) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        self.weather, self.dice, self.tally = weather, dice, tally

    def send(self, request: Request) -> Reply:
        """Send once, through the weather; a lost message or answer is a reply of status 0."""
        self.tally.sent += 1
        if self.dice.random() < self.weather.never_sent:
            return self._noted(LOST)
        reply = self._exchange(request)
        if reply.status and self.dice.random() < self.weather.sent_twice:
            self.tally.sent += 1
            self._noted(reply)
            reply = self._exchange(request)
        if self.dice.random() < self.weather.answer_lost:
            return self._noted(LOST)
        return self._noted(reply)

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def _noted(self, reply: Reply) -> Reply:
        self.tally.note(reply)
        return reply

    def _exchange(self, request: Request) -> Reply:
        began = time.monotonic()
        try:
            self.connection.request("POST", request.path, request.body, request.headers)
            response = self.connection.getresponse()
            raw = response.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            return LOST
        self.tally.latencies.append((time.monotonic() - began) * 1000)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        return Reply(response.status, body if isinstance(body, dict) else {})
