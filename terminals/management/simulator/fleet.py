"""A fleet of fake terminals: each activates, signs in, beats and sells until time is up."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from terminals.management.simulator.device import Device, Reply, Request
from terminals.management.simulator.line import LOST, WEATHER, Line, Tally

MOST_THREADS = 16
TRIES = 12
BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0)
BEAT_SECONDS, SALE_SECONDS = 20.0, 6.0
LARGEST_REFUND_SHARE = 2
WAYS: tuple[dict[str, str], ...] = (
    {"method": "ALIPAY", "entry_mode": "QR"},
    {"method": "WECHAT", "entry_mode": "QR"},
    {"method": "CARD", "card_type": "CREDIT", "entry_mode": "CONTACTLESS"},
    {"method": "CARD", "card_type": "DEBIT", "entry_mode": "CHIP"},
)


@dataclass(frozen=True, slots=True)
class Recruit:
    """A terminal to be: its serial, the code it was given, and who signs in at it."""

    serial: str
    code: str
    operator_no: str
    password: str


@dataclass(frozen=True, slots=True)
class Orders:
    """How the fleet behaves: where, how long, how fast, on what line, and its end."""

    url: str
    seconds: float
    scenario: str
    seed: int
    speed: float
    sign_out: bool = False


class Gone(Exception):
    """The portal did not answer one message however often it was sent."""


class Seller:
    """One terminal at work."""

    def __init__(self, recruit: Recruit, orders: Orders, line: Line) -> None:
        self.recruit, self.orders, self.line = recruit, orders, line
        self.dice = random.Random(f"{orders.seed} {recruit.serial}")  # noqa: S311 - repeatable
        self.device = Device(
            recruit.serial,
            origin=orders.url,
            clock=timezone.now,
            seed=f"{orders.seed} {recruit.serial}",
        )
        self.sales: list[dict[str, Any]] = []
        self.held: Request | None = None
        self.next_beat_at = self.next_sale_at = 0.0

    def start(self) -> None:
        """Activate, sign in for the day, beat once."""
        device = self.device
        self.insist(device.activation(self.recruit.code), device.learn_activation)
        self.insist(
            device.sign_in(self.recruit.operator_no, self.recruit.password),
            device.learn_sign_in,
        )
        now = time.monotonic()
        self.next_beat_at = now
        self.next_sale_at = now + self.dice.random() * SALE_SECONDS / self.orders.speed

    def due_at(self) -> float:
        """When this terminal next wants to speak (monotonic seconds)."""
        return min(self.next_beat_at, self.next_sale_at)

    def speak(self) -> None:
        """Say what is due."""
        if self.next_beat_at <= self.next_sale_at:
            self.insist(self.device.heartbeat(), self.device.learn_heartbeat)
            self.next_beat_at = time.monotonic() + BEAT_SECONDS / self.orders.speed
        else:
            self.sell()
            wait = SALE_SECONDS * self.dice.uniform(0.5, 1.5) / self.orders.speed
            self.next_sale_at = time.monotonic() + wait

    def sell(self) -> None:
        """Report a sale, or now and then a refund or a void of one."""
        message = self._compose()
        request = self.device.signed("transactions", message)
        if self.held is None and self.dice.random() < self.line.weather.out_of_order:
            self.held = request
            return
        self._report(request, message)
        if self.held is not None:
            held, self.held = self.held, None
            self._report(held, {})

    def finish(self) -> None:
        """Send what was held back; at the end of a shift, sign out."""
        if self.held is not None:
            held, self.held = self.held, None
            self._report(held, {})
        if self.orders.sign_out:
            self.insist(self.device.sign_out(), lambda _reply: None)

    def insist(self, request: Request, learn: Any) -> Reply:
        """Send the same message until it is answered, as a terminal must.

        :raises Gone: if it never is
        """
        for attempt in range(TRIES):
            reply = self.line.send(request)
            if reply.status and reply.status < 400:  # noqa: PLR2004 - taken
                learn(reply)
                return reply
            if reply.status and reply.body.get("retry") == "no":
                self.line.tally.surprises.append(f"{request.path} {reply.status} {reply.code}")
                return reply
            pause = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
            time.sleep(pause / self.orders.speed)
        raise Gone(f"{self.recruit.serial} {request.path}")

    def _compose(self) -> dict[str, Any]:
        fate = self.dice.random()
        if self.sales and fate < 0.12:  # noqa: PLR2004 - one in eight goes back
            sale = self.sales.pop(self.dice.randrange(len(self.sales)))
            original = {"batch_no": sale["batch_no"], "trace_no": sale["trace_no"]}
            kind = "VOID" if fate < 0.04 else "REFUND"  # noqa: PLR2004
            amount = sale["amount_minor"]
            if kind == "REFUND":
                amount = max(1, amount // LARGEST_REFUND_SHARE)
            names = ("method", "card_type", "entry_mode")
            way: dict[str, str] = {name: sale[name] for name in names if name in sale}
            return self._worded(kind, amount, way) | {"original": original}
        declined = self.dice.random() < 0.03  # noqa: PLR2004
        amount = self.dice.randrange(500, 30_000, 10)
        message = self._worded("SALE", amount, self.dice.choice(WAYS))
        return message | ({"status": "DECLINED", "response_code": "51"} if declined else {})

    def _worded(self, kind: str, amount: int, way: dict[str, str]) -> dict[str, Any]:
        message = self.device.report(kind, amount, operator_no=self.recruit.operator_no)
        if way["method"] != "CARD":
            for name in ("card_type", "card_bin", "card_last4", "card_token"):
                del message[name]
        return message | way

    def _report(self, request: Request, message: dict[str, Any]) -> None:
        def learn(reply: Reply) -> None:
            reference = str(reply.body["reference"])
            number = request.body.decode()
            before = self.line.tally.references.setdefault(number, reference)
            if before != reference:
                self.line.tally.surprises.append(f"{reference} is not {before}")
            if message.get("kind") == "SALE" and message["status"] == "APPROVED":
                self.sales.append(message)

        self.insist(request, learn)


def run(recruits: Sequence[Recruit], orders: Orders) -> list[Tally]:
    """Let the fleet work and return what each line saw."""
    crews = [list(recruits[place::MOST_THREADS]) for place in range(MOST_THREADS)]
    tallies = [Tally() for crew in crews if crew]
    threads = [
        threading.Thread(target=_work, args=(crew, orders, tally), daemon=True)
        for crew, tally in zip([c for c in crews if c], tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def _work(crew: Sequence[Recruit], orders: Orders, tally: Tally) -> None:
    dice = random.Random(f"{orders.seed} {crew[0].serial}")  # noqa: S311 - repeatable
    line = Line(orders.url, weather=WEATHER[orders.scenario], dice=dice, tally=tally)
    until = time.monotonic() + orders.seconds
    sellers = []
    try:
        for recruit in crew:
            seller = Seller(recruit, orders, line)
            seller.start()
            sellers.append(seller)
        while (now := time.monotonic()) < until:
            seller = min(sellers, key=Seller.due_at)
            if seller.due_at() > now:
                time.sleep(min(seller.due_at(), until) - now)
            else:
                seller.speak()
        for seller in sellers:
            seller.finish()
    except Gone as gone:
        tally.surprises.append(f"no answer: {gone}")
    finally:
        line.close()


__all__ = ["LOST", "Gone", "Orders", "Recruit", "run"]
