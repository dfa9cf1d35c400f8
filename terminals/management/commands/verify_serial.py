"""Says whether a serial number is genuine, and on what evidence."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db.transaction import atomic
from django.utils import timezone

from portal.kit.command import Command as BaseCommand
from portal.kit.command import NotSo, refuse, system
from terminals.fleet.actions.verification import Answer, CardNumberGiven, verify
from terminals.fleet.rules.verdict import ADVICE


class Command(BaseCommand):
    """Gives the verdict; exit 0 when the serial is genuine, 1 when it is not."""

    help = (
        "Say whether a serial number is genuine: the verdict, how sure it is, and the evidence."
        " Exit 0 when it is genuine, 1 when it is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare SERIAL, --maker and --model."""
        parser.add_argument("serial", help="the serial number, as printed on the label")
        parser.add_argument("--maker", default="", help="the maker that the label states")
        parser.add_argument("--model", default="", help="the model that the label states")

    def work(self, **options: Any) -> dict[str, Any]:
        """Judge, and note it in the audit log.

        :raises NotSo: if the serial is not genuine
        """
        actor = system("verify_serial", "terminal.verify", "terminal.read")
        try:
            with atomic():
                answer = verify(
                    options["serial"],
                    actor=actor,
                    now=timezone.now(),
                    maker=options["maker"],
                    model=options["model"],
                )
        except CardNumberGiven:
            refuse("That is a card number, not a serial number. It was not kept.")
        result = _told(answer)
        if not answer.judgement.good:
            raise NotSo(result)
        return result

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Write the verdict, what to do, and each piece of evidence."""
        said = [f"{result['serial']}: {result['verdict']} ({result['confidence']})"]
        said.append(result["advice"])
        said += [
            f"  {'+' if e['weight'] == 'FOR' else '-'} {e['fact']} [{e['source']}]"
            for e in result["evidence"]
        ]
        if result["meant"]:
            said.append(f"? {' '.join(result['meant'])}")
        return said


def _told(answer: Answer) -> dict[str, Any]:
    judgement = answer.judgement
    return {
        "serial": judgement.serial,
        "verdict": judgement.verdict.value,
        "confidence": judgement.confidence.value,
        "advice": str(ADVICE[judgement.verdict]),
        "evidence": [
            {
                "source": evidence.source,
                "code": evidence.code,
                "fact": evidence.fact,
                "weight": evidence.weight.value,
                "observed_at": _written(evidence.observed_at),
            }
            for evidence in judgement.evidence
        ],
        "meant": list(answer.meant),
        "as_of": _written(judgement.as_of),
        "register_version": _written(answer.register_version),
        "rule_version": judgement.rule_version,
    }


def _written(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
