"""Rules every template and static file keeps: the policy, the sizes, the contrast."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

from portal.kit.icons import PATHS

ROOT = Path(settings.BASE_DIR)
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"


def sources(*suffixes: str) -> list[Path]:
    return [p for p in (*TEMPLATES.rglob("*"), *STATIC.rglob("*")) if p.suffix in suffixes]


@pytest.mark.parametrize("path", sources(".html"), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_template_needs_a_looser_policy(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert not re.search(r"(src|href)=\"(https?:)?//|data:[a-z]+/", text)


def test_every_icon_a_template_names_exists() -> None:
    named = {n for p in sources(".html") for n in re.findall(r'{% icon "([^"]+)"', p.read_text())}

    assert named <= set(PATHS)


def gz(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def test_styles_and_scripts_stay_small() -> None:
    assert gz(STATIC / "css/base.css", STATIC / "css/components.css") <= 10 * 1024
    assert gz(*(STATIC / "js").glob("*.js")) <= 4 * 1024


def test_styles_use_nothing_that_an_old_webview_drops() -> None:
    css = "".join(p.read_text() for p in sources(".css"))

    assert not re.search(r"@layer|color-mix|light-dark|oklch|@import|@font-face|url\(", css)


def luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])
    parts = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens(start: str) -> dict[str, str]:
    css = (STATIC / "css/base.css").read_text()
    block = css[css.index(start) :]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", block[: block.index("}")]))


@pytest.mark.parametrize("theme", [":root {", ":root[data-theme=dark]", ":root:not([data-theme"])
def test_every_text_colour_can_be_read(theme: str) -> None:
    colours = tokens(theme)

    pairs = [(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("surface", "bg")]
    pairs += [("brand", "surface"), ("on-brand", "brand"), ("brand", "brand-soft")]
    pairs += [(tone, f"{tone}-soft") for tone in ("ok", "warn", "bad", "info")]
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: round(found, 1) for pair, found in low.items() if found < 4.5} == {}
    assert contrast(colours["edge"], colours["surface"]) >= 3


def test_both_ways_into_the_dark_agree() -> None:
    assert tokens(":root[data-theme=dark]") == tokens(":root:not([data-theme")
