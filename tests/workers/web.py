"""The web server as the product starts it, to be killed, stuffed and kept waiting."""

import http.client
import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from portal.up import WEB, web_server
from terminals.management.simulator.device import Request
from tests.architecture.tree import ROOT
from tests.workers.processes import environment, wait_until

LOST = (0, b"")


class Web:
    """One web server on a port of its own."""

    def __init__(self, folder: Path, **over: str) -> None:
        self.log = folder / "web.log"
        self.over = over
        self.port = _free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                web_server(self.origin).command,
                cwd=ROOT,
                env=WEB | environment(**self.over),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return once it answers."""
        wait_until(self.answers, what="the web server answers", log=self.log)

    def answers(self) -> bool:
        """Say whether the process serves."""
        return self.get("/healthz")[0] == 200

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Ask for a page; no answer is status 0."""
        return self._ask("GET", path, None, headers or {}, timeout=5.0)

    def send(self, request: Request, *, timeout: float = 10.0) -> tuple[int, bytes]:
        """Send a terminal's message once; no answer is status 0."""
        return self._ask("POST", request.path, request.body, request.headers, timeout)

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> tuple[int, bytes]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return LOST
        finally:
            connection.close()

    def line(self, said: str | bytes, *, timeout: float = 10.0) -> socket.socket:
        """Open a connection and say the beginning of something, byte for byte."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        line.sendall(said if isinstance(said, bytes) else said.encode())
        return line

    def raw(self, request: Request, *more: str, length: str = "") -> bytes:
        """Write a terminal's message as it goes over the wire; ``more`` are further headers."""
        named = [f"{name}: {value}" for name, value in request.headers.items()]
        first = [f"POST {request.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        length = length or f"Content-Length: {len(request.body)}"
        return "\r\n".join([*first, *named, *more, length, "", ""]).encode()

    def workers(self) -> list[int]:
        """Return the processes that do the work."""
        pid = self.process.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def resident_mib(self) -> float:
        """Return the memory that the workers hold."""
        pages = 0
        for pid in self.workers():
            with suppress(FileNotFoundError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024

    def kill_a_worker(self) -> None:
        """Pull the plug of one working process; the server brings it back."""
        for pid in self.workers()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Pull the plug of all of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def start_again(self) -> None:
        """Start it on the same port."""
        self.process = self._start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
