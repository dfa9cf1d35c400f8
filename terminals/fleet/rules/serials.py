"""Serial numbers as people type, paste and scan them."""

import re
import unicodedata
from itertools import combinations, islice

LONGEST = 50
SHORTEST_PLAUSIBLE = 6
MOST_VARIANTS = 200
MOST_CHANGED = 3
SHAPE = re.compile(rf"[A-Z0-9][A-Z0-9-]{{0,{LONGEST - 1}}}")
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
BETWEEN = re.compile(r"[\s,;，；、|]+")
# Printed alike on a label; most makers avoid the letters, people type them.
LOOK_ALIKES = {"O": "0", "0": "O", "I": "1", "1": "I", "L": "1", "S": "5", "5": "S", "B": "8"}
TO_DIGITS = str.maketrans({"O": "0", "I": "1", "L": "1"})

# The model that a PAX serial begins with, as far as it is public.
PAX_MODELS = {
    "082": "A920",
    "185": "A920PRO",
    "229": "A35",
    "135": "A60",
    "176": "A77",
    "124": "A80",
    "115": "E500",
    "119": "E600",
    "134": "E700",
    "227": "E600M",
    "240": "Q10A",
    "114": "Q20L",
    "189": "D135",
}
PAX_LONG = re.compile(r"[0-9A-HJ-NP-Z]{3}[0-9]{7}")


def tidy(text: str) -> str:
    """Undo what typing, pasting and Chinese input methods do to a code."""
    if not text.isascii():
        text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(DASHES)
    return text.strip()


def read_serial(text: str) -> str:
    """Return a serial number as it is kept: trimmed, narrow, in capitals."""
    return tidy(text).upper()


def well_formed(serial: str) -> bool:
    """Say whether this could be kept as a serial number at all."""
    return SHAPE.fullmatch(serial) is not None


def plausible(serial: str) -> bool:
    """Say whether any maker could have printed this: no list of patterns is complete."""
    digits = sum(character.isdigit() for character in serial)
    return well_formed(serial) and len(serial) >= SHORTEST_PLAUSIBLE and digits > 0


def split_list(text: str) -> list[str]:
    """Read a pasted list: one a line, or apart by spaces, commas and semicolons."""
    return [serial for part in BETWEEN.split(tidy(text)) if (serial := read_serial(part))]


def look_alikes(serial: str) -> list[str]:
    """Return what may have been meant: O for 0, I for 1, dashes printed but not kept."""
    bare = serial.replace("-", "")
    found = dict.fromkeys([bare, bare.translate(TO_DIGITS)])
    places = [at for at, character in enumerate(bare) if character in LOOK_ALIKES]
    for count in range(1, MOST_CHANGED + 1):
        for picked in islice(combinations(places, count), MOST_VARIANTS):
            swapped = {at: LOOK_ALIKES[bare[at]] for at in picked}
            found["".join(swapped.get(at, c) for at, c in enumerate(bare))] = None
    return [variant for variant in found if variant != serial]


def model_by_prefix(maker: str, serial: str) -> str:
    """Return the model that the serial itself names, or "" where no public rule says."""
    if maker.strip().upper() == "PAX" and PAX_LONG.fullmatch(serial):
        return PAX_MODELS.get(serial[:3], "")
    return ""


def same_model(one: str, other: str) -> bool:
    """Say whether two spellings name one model."""
    return _bare(one) == _bare(other)


def _bare(model: str) -> str:
    return re.sub(r"[\s_-]", "", tidy(model)).upper()
