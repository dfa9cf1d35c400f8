"""``seed_demo --json F``: a world to look at, with every role and how to sign in."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.transaction import atomic
from django.utils import timezone

from merchants.profiles.models import Merchant
from portal.kit.command import Command as PortalCommand
from portal.kit.command import refuse
from transactions.management.demo.cast import make_demo
from transactions.management.demo.plan import SHOPS


class Command(PortalCommand):
    """Make the demo once; later runs write the same file again and change nothing."""

    help = "Make demo merchants, people, terminals and a month of sales; say how to sign in."

    def add_json(self, parser: ArgumentParser) -> None:
        """Take the file that everything a visitor needs to know is written to."""
        parser.add_argument("--json", dest="path", type=Path, required=True, metavar="F")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the size, the address to print, and the override."""
        parser.add_argument("--scale", choices=sorted(SHOPS), default="small")
        parser.add_argument("--url", default="", help="the address people will use")
        parser.add_argument(
            "--i-know", action="store_true", help="run on an installation that is not for trying"
        )

    def work(self, **options: Any) -> dict[str, Any]:
        """Make it or find it, and write the file."""
        if not settings.DEVELOPMENT and not options["i_know"]:
            refuse("This installation runs with DEBUG=0. Demo accounts do not belong on it.")
        kept = Path(settings.PORTAL_DATA) / "seed.json"
        base_url = options["url"] or settings.BASE_URL or "http://127.0.0.1:8000"
        with atomic():
            made_before = Merchant.objects.filter(code=SHOPS["small"][0].code).exists()
        if made_before and not kept.exists():
            refuse(f"The demo was made before, but {kept} with its passwords is gone.")
        if not made_before:
            demo = make_demo(scale=options["scale"], base_url=base_url, now=timezone.now())
            _write(kept, demo)
        demo = json.loads(kept.read_text(encoding="utf-8")) | {"base_url": base_url}
        _write(options["path"], demo)
        return {
            "file": str(options["path"]),
            "made": not made_before,
            "users": len(demo["users"]),
            "merchants": len(demo["merchants"]),
            "terminals": len(demo["terminals"]),
        }


def _write(path: Path, demo: dict[str, Any]) -> None:
    """Write whole or not at all, for the owner's eyes only: it holds passwords and keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(demo, file, ensure_ascii=False, indent=1)
    fresh.replace(path)
