"""``simulate``: a fleet of fake terminals against a running portal, over real HTTP."""

import secrets
import statistics
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.db.transaction import atomic
from django.utils import timezone

from merchants.profiles.models import Merchant, MerchantStatus, Store
from merchants.staff.actions import create_terminal_operator
from merchants.staff.models import TerminalOperator
from portal.kit.command import Command as PortalCommand
from portal.kit.command import NotSo, refuse, system
from terminals.fleet.actions import provisioning, registry
from terminals.fleet.models import RegisteredSerial
from terminals.management.simulator.fleet import Orders, Recruit, run
from terminals.management.simulator.line import WEATHER, Tally
from transactions.records.models import Transaction

MAKER = "SIMULATED"
AT_ONCE = 500
MOST_TERMINALS = 2000
SEEDS = 1000
PREPARER = system(
    "simulate",
    "merchant.manage",
    "merchant.read",
    "registry.import",
    "registry.read",
    "terminal.read",
    "terminal.provision",
)


class Command(PortalCommand):
    """Provision N terminals, let them work for M minutes, and prove that nothing was lost."""

    help = (
        "Fake terminals over real HTTP with real signatures: each is provisioned, activated with"
        " its one-time code, signs in, beats, and sends sales, refunds and voids."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the portal, the size and the scenario."""
        parser.add_argument("--url", required=True, help="the running portal's address")
        parser.add_argument("--terminals", type=int, default=10)
        parser.add_argument("--minutes", type=float, default=1.0)
        parser.add_argument("--scenario", choices=sorted(WEATHER), default="normal")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--speed", type=float, default=1.0, help="how much faster than life")
        parser.add_argument("--merchant", default="", help="give the terminals to this merchant")
        parser.add_argument(
            "--sign-out", action="store_true", help="end the day; else all stay signed in"
        )

    def work(self, **options: Any) -> dict[str, Any]:
        """Provision, run, compare what was acknowledged with what is stored."""
        if not 1 <= options["terminals"] <= MOST_TERMINALS:
            refuse(f"--terminals must be 1 to {MOST_TERMINALS}")
        if options["minutes"] <= 0 or options["speed"] <= 0:
            refuse("--minutes and --speed must be more than 0")
        recruits = _provision(options)
        orders = Orders(
            url=options["url"].rstrip("/"),
            seconds=options["minutes"] * 60,
            scenario=options["scenario"],
            seed=options["seed"],
            speed=options["speed"],
            sign_out=options["sign_out"],
        )
        result = _counted(run(recruits, orders)) | {
            "scenario": options["scenario"],
            "terminals": len(recruits),
        }
        if result["acked_not_stored"] or result["surprises"]:
            raise NotSo(result)
        return result


def _provision(options: dict[str, Any]) -> list[Recruit]:
    with atomic():
        merchants = Merchant.objects.filter(status=MerchantStatus.ACTIVE).order_by("pk")
        if options["merchant"]:
            merchants = merchants.filter(code=options["merchant"])
        merchant = merchants.first()
        if merchant is None:
            refuse("There is no active merchant to give the terminals to. Run seed_demo first.")
        stores = list(Store.objects.filter(merchant=merchant).order_by("pk"))
        serials = _register(options["seed"] % SEEDS, options["terminals"])
        number, password = _operator(merchant)
        given = [
            done
            for place, store in enumerate(stores)
            for start in range(0, len(serials[place :: len(stores)]), AT_ONCE)
            for done in provisioning.provision(
                serials[place :: len(stores)][start : start + AT_ONCE],
                merchant=merchant,
                store=store,
                actor=PREPARER,
                now=timezone.now(),
            )
        ]
    return [Recruit(done.serial, done.code, number, password) for done in given]


def _register(seed: int, count: int) -> list[str]:
    """Take new serials into the register; a seed that was used before goes on counting."""
    prefix = f"SIM{seed:03d}"
    used = RegisteredSerial.objects.filter(maker=MAKER, serial__startswith=prefix).count()
    serials = [f"{prefix}{place:05d}" for place in range(used + 1, used + count + 1)]
    lines = ["maker,model,serial", *(f"{MAKER},SIM-1,{serial}" for serial in serials)]
    handed = registry.hand_in(
        actor=PREPARER,
        file_name="simulated.csv",
        content="\r\n".join(lines).encode(),
        maker="",
        now=timezone.now(),
    )
    registry.take_in(handed, actor=PREPARER, now=timezone.now())
    return serials


def _operator(merchant: Merchant) -> tuple[str, str]:
    """Make an operator for this run: numbers of four digits from 9000 on."""
    taken = TerminalOperator.objects.filter(merchant=merchant, number__startswith="9").count()
    number, password = f"{9000 + taken}", f"{secrets.randbelow(90_000_000) + 10_000_000}"
    create_terminal_operator(
        merchant,
        number=number,
        name="simulate",
        password=password,
        actor=PREPARER,
        now=timezone.now(),
    )
    return number, password


def _counted(tallies: list[Tally]) -> dict[str, Any]:
    refused: Counter[str] = Counter()
    for tally in tallies:
        refused.update(tally.refused)
    latencies = sorted(ms for tally in tallies for ms in tally.latencies)
    acked = {reference for tally in tallies for reference in tally.references.values()}
    with atomic():
        stored = list(
            Transaction.objects.filter(reference__in=acked).values_list("reference", flat=True)
        )
    return {
        "sent": sum(tally.sent for tally in tallies),
        "acked": sum(tally.acked for tally in tallies),
        "lost": sum(tally.lost for tally in tallies),
        "refused": dict(sorted(refused.items())),
        "latency_ms": _percentiles(latencies),
        "transactions_acked": len(acked),
        "transactions_stored": len(stored),
        "acked_not_stored": len(acked) - len(set(stored)) + len(stored) - len(set(stored)),
        "surprises": [words for tally in tallies for words in tally.surprises],
    }


def _percentiles(latencies: list[float]) -> dict[str, float]:
    if len(latencies) < 2:  # noqa: PLR2004 - no percentile of one
        return {"p50": 0.0, "p95": 0.0}
    cuts = statistics.quantiles(latencies, n=20)
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}
