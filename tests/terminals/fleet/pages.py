"""What the tests of the fleet's pages have in common."""

import re

SERIALS = ["0820000001", "0820000002", "0820000003"]
FORM = "/terminals/provision/?merchant=M1000000001"
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}")


def shown_codes(page: str) -> list[str]:
    """Return the activation codes that a page shows, each once."""
    return list(dict.fromkeys(CODE.findall(page)))
