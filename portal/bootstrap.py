"""From a fresh clone to a running portal, with nothing but Python's standard library.

Run with the system's Python, as the Makefile does: ``python3 portal/bootstrap.py run``. What is
already there is not made again: a second run takes a moment and needs no network.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
STAMP = VENV / "bootstrap.json"
UNPACKED = VENV / "sys"
OLDEST_PYTHON = (3, 11)
UV_LOCK = "requirements-uv.lock"
# Each holds those before it, at the same versions.
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements.lock": (),
    "requirements-embedded.lock": ("embedded",),
    "requirements-test.lock": ("embedded", "test", "bench"),
}
PRODUCTION, SELF_CONTAINED, EVERYTHING = LOCKS
PDF_PACKAGES = (
    *("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    *("fontconfig", "fonts-wqy-microhei"),
)
PDF_LIBRARIES = (
    *("libgobject-2.0.so.0", "libpango-1.0.so.0", "libpangoft2-1.0.so.0"),
    *("libharfbuzz.so.0", "libharfbuzz-subset.so.0", "libfontconfig.so.1"),
)
PDF_FONT = "WenQuanYi Micro Hei"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
Words = Sequence["str | Path"]
FONTS_CONF = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{unpacked}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{unpacked}/cache</cachedir>
</fontconfig>
"""


class CannotStart(Exception):
    """Something is missing that only a person can give; the message says what."""


def say(text: str) -> None:
    """Tell the person what goes on, apart from the output of the command itself."""
    print(text, file=sys.stderr, flush=True)


def read_stamp() -> dict[str, str]:
    """Return what is installed, or nothing if it was for another place or another Python."""
    with suppress(FileNotFoundError, ValueError):
        stamp: dict[str, str] = json.loads(STAMP.read_text())
        if stamp["made"] == _made() and PYTHON.exists():
            return stamp
    return {}


def _made() -> str:
    return f"{VENV} with Python {sys.version_info.major}.{sys.version_info.minor}"


def write_stamp(**done: str) -> None:
    """Remember what is installed, for the next run."""
    draft = STAMP.with_suffix(".new")
    draft.write_text(json.dumps({**read_stamp(), "made": _made(), **done}, indent=1) + "\n")
    draft.replace(STAMP)


def digest(lock: str) -> str:
    """Return the fingerprint of a lock file."""
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


@contextmanager
def alone() -> Iterator[None]:
    """Let one bootstrap at a time touch the environment."""
    with Path(__file__).open() as itself:
        fcntl.flock(itself, fcntl.LOCK_EX)
        yield


def install(lock: str) -> None:
    """Make the environment and install a lock file by its hashes.

    :raises CannotStart: if this Python cannot make one, or the packages do not arrive
    """
    stamp = read_stamp()
    if stamp.get(lock) == digest(lock):
        return
    if not stamp:
        _make_environment()
    say(f"Installing {lock} …")
    if not (_install_with_uv(lock) or _install_with_pip(lock)):
        raise CannotStart(f"The packages of {lock} could not be installed; see above.")
    smaller = list(LOCKS)[: list(LOCKS).index(lock) + 1]
    write_stamp(**{name: digest(name) for name in smaller})


def _make_environment() -> None:
    if importlib.util.find_spec("ensurepip") is None and not apt("python3-venv"):
        raise CannotStart(
            "This Python cannot make virtual environments. As an administrator, run:\n"
            "    apt-get install python3-venv"
        )
    say(f"Making {VENV} …")
    if not _run([sys.executable, "-m", "venv", "--clear", VENV]):
        raise CannotStart(f"{VENV} could not be made; see above.")
    write_stamp()


def _pip_install(lock: str) -> tuple[str, ...]:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    return ("install", *quiet, "--require-hashes", "-r", str(ROOT / lock))


def _install_with_uv(lock: str) -> bool:
    """Install ten times faster than pip does, where uv runs and reaches the packages."""
    if read_stamp().get(UV_LOCK) != digest(UV_LOCK):
        if not _run([PYTHON, "-m", "pip", *_pip_install(UV_LOCK)]):
            return False
        write_stamp(**{UV_LOCK: digest(UV_LOCK)})
    command: Words = [UV, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes"]
    return _run([*command, "-r", ROOT / lock], env=_uv_environment())


def _install_with_pip(lock: str) -> bool:
    say("Installing with pip instead: slower, and it may know a way to the packages …")
    return _run([PYTHON, "-m", "pip", *_pip_install(lock)])


def _uv_environment() -> dict[str, str]:
    """Pass on what uv does not read by itself: the machine's certificates, pip's mirror."""
    ours = {"UV_SYSTEM_CERTS": "1", "UV_HTTP_TIMEOUT": "120"}
    mirror = subprocess.run(
        [PYTHON, "-m", "pip", "config", "get", "global.index-url"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.strip()
    if mirror := os.environ.get("PIP_INDEX_URL") or mirror:
        ours["UV_DEFAULT_INDEX"] = mirror
    return {**ours, **os.environ}


def _run(command: Words, *, env: dict[str, str] | None = None, cwd: Path | None = None) -> bool:
    """Run a command out of sight and tell whether it worked; if not, show what it said."""
    done = subprocess.run(
        list(map(str, command)),
        check=False,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        say(done.stdout[-3000:].rstrip())
    return done.returncode == 0


def apt(*packages: str) -> bool:
    """Install Debian packages where we may, and tell whether that worked."""
    prefix = _as_administrator()
    if prefix is None:
        return False
    say(f"Installing Debian packages: {' '.join(packages)} …")
    command = [*prefix, "apt-get", "-q", "-y", "install", "--no-install-recommends", *packages]
    if any(Path("/var/lib/apt/lists").glob("*Packages*")) and _run(command):
        return True
    return _run([*prefix, "apt-get", "-q", "update"]) and _run(command)


def _as_administrator() -> list[str] | None:
    """Return how to run a command as root without asking for a password, if we can."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return quiet
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True)
    return ["sudo", "-n", *quiet] if asked.returncode == 0 else None


def provide_pdf(*, again: bool = False) -> None:
    """See to what PDF needs from the system: text shaping and a Chinese font."""
    if _has_pdf() or pdf_environment():
        return
    if read_stamp().get("pdf") != "missing" or again:
        if (apt(*PDF_PACKAGES) and _has_pdf()) or _unpack(PDF_PACKAGES):
            return
        write_stamp(pdf="missing")
    say(f"PDF pages will answer 503 until these are installed: {' '.join(PDF_PACKAGES)}")


def _has_pdf() -> bool:
    try:
        for library in PDF_LIBRARIES:
            ctypes.CDLL(library)
        fonts = subprocess.run(["fc-list", PDF_FONT], check=False, capture_output=True)
    except OSError:
        return False
    return fonts.stdout != b""


def pdf_environment() -> dict[str, str]:
    """Return what a process that makes PDF needs in its environment: often nothing."""
    if not (UNPACKED / "etc" / "fonts" / "fonts.conf").exists():
        return {}
    folders = sorted(map(str, (UNPACKED / "usr" / "lib").glob("*-linux-gnu*")))
    return {
        "LD_LIBRARY_PATH": os.pathsep.join([*folders, os.environ.get("LD_LIBRARY_PATH", "")]),
        "FONTCONFIG_PATH": str(UNPACKED / "etc" / "fonts"),
    }


def _unpack(packages: Sequence[str]) -> bool:
    """Unpack Debian packages beside the environment, for a user who may not install them."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    shutil.rmtree(UNPACKED, ignore_errors=True)
    debs = UNPACKED / "debs"
    (debs / "lists" / "partial").mkdir(parents=True)
    own_lists = ["-o", f"Dir::State::lists={debs}/lists", "-o", f"Dir::Cache={debs}/cache"]
    for options in ([], own_lists):
        if options and not _run(["apt-get", "-q", *options, "update"]):
            return False
        names = _missing(packages, options)
        if names and _run(["apt-get", "-q", *options, "download", *names], cwd=debs):
            break
    else:
        return False
    for deb in debs.glob("*.deb"):
        if not _run(["dpkg-deb", "-x", deb, UNPACKED]):
            return False
    shutil.rmtree(debs)
    etc = UNPACKED / "etc" / "fonts"
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "fonts.conf").write_text(FONTS_CONF.format(unpacked=UNPACKED))
    return True


def _missing(packages: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return what apt would install for these packages."""
    plan = subprocess.run(
        ["apt-get", "-s", *options, "install", "--no-install-recommends", *packages],
        check=False,
        capture_output=True,
        text=True,
    )
    return [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]


def provide_browser() -> None:
    """See to a browser for the tests that open a page."""
    if any(map(shutil.which, BROWSERS)) or apt("chromium"):
        return
    say("No Chromium: the tests that open a page (tests/browser) will not run.")


def compile_catalogues() -> None:
    """Compile each catalogue that is newer than its compiled form.

    :raises CannotStart: if one has a fault
    """
    for source in (ROOT / "portal" / "locale").glob("*/LC_MESSAGES/*.po"):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        command: Words = [PYTHON, "-m", "babel.messages.frontend", "compile", "-i", source]
        if not _run([*command, "-o", compiled]):
            raise CannotStart(f"{source} could not be compiled; see above.")


def prepare(lock: str) -> None:
    """Bring the environment to what the lock file says, with what PDF and words need."""
    if sys.version_info < OLDEST_PYTHON:
        raise CannotStart(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    with alone():
        install(lock)
        provide_pdf(again=lock == PRODUCTION)
        compile_catalogues()
        if lock == EVERYTHING:
            provide_browser()
    os.environ.update(pdf_environment())


def become(*arguments: str) -> int:
    """Turn this process into the environment's Python."""
    os.execv(PYTHON, [str(PYTHON), *arguments])  # noqa: S606  (no shell is the point)


def run_portal(rest: list[str]) -> int:
    """Start the portal with its servers, worker and timetable."""
    prepare(SELF_CONTAINED)
    return become("-m", "portal.up", *rest)


def run_tests(rest: list[str]) -> int:
    """Check style and types, then run the tests; what follows goes to pytest."""
    prepare(EVERYTHING)
    for check in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "."]):
        if code := subprocess.run([PYTHON, "-m", *check], check=False).returncode:
            return code
    return become("-m", "pytest", *rest)


def run_bench(rest: list[str]) -> int:
    """Measure, print ratios and write bench.json; QUICK=1 is the short form."""
    prepare(EVERYTHING)
    return become("-m", "tests.bench", *rest)


def update_words(rest: list[str]) -> int:
    """Bring both catalogues of words to the code and the templates."""
    prepare(EVERYTHING)
    return become("-m", "tests.words", *rest)


def run_install(_rest: list[str]) -> int:
    """Install for production: no embedded servers, no tools of development."""
    prepare(PRODUCTION)
    return 0


def write_locks(rest: list[str]) -> int:
    """Write the lock files anew; --upgrade moves every version that may move.

    :raises CannotStart: if they cannot be resolved, or one names a host
    """
    prepare(EVERYTHING)
    options = ["--universal", "--generate-hashes", "--python-version", "3.11", *rest]
    options += ["--no-emit-index-url", "--no-annotate", "--no-header"]
    plans = [(UV_LOCK, ["--group", "pyproject.toml:installer"])]
    agrees: list[str] = []
    for lock, groups in LOCKS.items():
        wanted = [part for group in groups for part in ("--group", group)]
        plans.append((lock, ["pyproject.toml", *wanted, *agrees]))
        agrees = ["-c", lock]
    for lock, sources in plans:
        command: Words = [UV, "pip", "compile", "--quiet", *options, *sources, "-o", lock]
        if not _run(command, env=_uv_environment(), cwd=ROOT):
            raise CannotStart(f"{lock} could not be written; see above.")
        if "://" in (ROOT / lock).read_text():
            raise CannotStart(f"{lock} names a host: it would bind everyone to one registry.")
    return 0


COMMANDS = {
    "run": run_portal,
    "test": run_tests,
    "bench": run_bench,
    "words": update_words,
    "install": run_install,
    "lock": write_locks,
}


def main(arguments: list[str]) -> int:
    """Do one command; what follows its name is handed on."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = parser.add_subparsers(metavar="command", required=True)
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0]
        known.add_parser(name, help=summary, add_help=False).set_defaults(command=command)
    chosen, rest = parser.parse_known_args(arguments)
    if data := os.environ.get("PORTAL_DATA"):
        os.environ["PORTAL_DATA"] = str(Path(data).resolve())
    os.chdir(ROOT)
    try:
        return int(chosen.command(rest))
    except CannotStart as reason:
        say(str(reason))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
