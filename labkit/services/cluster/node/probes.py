"""Probes, timed and counted as a kubelet does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from labkit.services.cluster.node.addresses import on_loopback, real_port
from labkit.services.cluster.node.api import Object

BODY = 200  # characters of an answer that an event shows
REDIRECTS = 10

Execute = Callable[[list[str], float], Awaitable[tuple[int, str]]]  # a command and its seconds -> exit code, output


@dataclass
class Result:
    """What one probe found."""

    passed: bool
    message: str = ""


class Prober:
    """Asks one container, at its pod's address."""

    def __init__(self, address: str, container: Object, execute: Execute) -> None:
        self.address, self.container, self.execute = address, container, execute

    def port(self, wanted: int | str) -> int:
        """The number of a port that may be named. Raises ValueError."""
        for port in self.container.get("ports", []):
            if port.get("name") == wanted:
                return port["containerPort"]
        try:
            return int(wanted)
        except ValueError:
            raise ValueError(f'strconv.Atoi: parsing "{wanted}": invalid syntax') from None

    async def ask(self, probe: Object) -> Result:
        """One probe, or one hook with the same handlers."""
        seconds = float(probe.get("timeoutSeconds", 1))
        try:
            if "exec" in probe:
                code, output = await self.execute(probe["exec"].get("command", []), seconds)
                return Result(code == 0, f"{output.strip()[:BODY]}" or f"exit code {code}")
            if "httpGet" in probe:
                return await self._http(probe["httpGet"], seconds)
            if "tcpSocket" in probe:
                return await self._tcp(probe["tcpSocket"], seconds)
        except TimeoutError:
            return Result(False, f"no answer within {seconds:g} s: context deadline exceeded")
        except (OSError, aiohttp.ClientError, ValueError) as error:
            return Result(False, str(error) or repr(error))
        return Result(False, "this node has no such probe: use httpGet, tcpSocket or exec")

    def _host(self, handler: Object) -> str:
        """Only this pod: what a pod writes must not make the agent call others."""
        host = handler.get("host") or self.address
        if host not in (self.address, "127.0.0.1", "localhost"):
            raise ValueError(f"this node probes only the pod itself, not {host}")
        return on_loopback(self.address)

    async def _tcp(self, handler: Object, seconds: float) -> Result:
        target = (self._host(handler), real_port(self.port(handler["port"])))
        _, writer = await asyncio.wait_for(asyncio.open_connection(*target), seconds)
        writer.close()
        return Result(True)

    async def _http(self, handler: Object, seconds: float) -> Result:
        host, port = self._host(handler), self.port(handler["port"])
        scheme, path = handler.get("scheme", "HTTP").lower(), handler.get("path") or "/"
        headers = {
            "User-Agent": "kube-probe/1.34",
            "Accept": "*/*",
            "Connection": "close",
            "Host": f"{self.address}:{port}",
        }
        headers |= {header["name"]: header["value"] for header in handler.get("httpHeaders", [])}
        url = f"{scheme}://{host}:{real_port(port)}/{path.lstrip('/')}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=False)) as session:
            for _ in range(REDIRECTS):
                async with session.get(url, headers=headers, allow_redirects=False) as answer:
                    body = (await answer.content.read(1024)).decode(errors="replace")
                    to = answer.headers.get("Location")
                    if not (300 <= answer.status < 400 and to):
                        passed = 200 <= answer.status < 400
                        return Result(
                            passed, f"HTTP probe failed with statuscode: {answer.status}" if not passed else body
                        )
                    url, last = urljoin(url, to), url
                    if urlsplit(url).hostname not in (urlsplit(last).hostname, self.address):
                        return Result(True, "Probe terminated redirects")
        return Result(False, f"stopped after {REDIRECTS} redirects")


class Probe:
    """One probe of one run of a container: `verdict` is None until its threshold was met for the first time."""

    def __init__(self, kind: str, spec: Object, prober: Prober) -> None:
        self.kind, self.spec, self.prober = kind, spec, prober
        self.period = max(1.0, float(spec.get("periodSeconds", 10)))
        self.verdict: bool | None = None
        self._same, self._last = 0, None

    async def run(self, started: float, changed: Callable[[bool], None], failed: Callable[[str], None]) -> None:
        """Asks again and again; `changed(verdict)` when a threshold is met, `failed(message)` at each failure."""
        delay = float(self.spec.get("initialDelaySeconds", 0))
        while True:
            begun = time.monotonic()
            if begun - started >= delay:
                result = await self.prober.ask(self.spec)
                if not result.passed:
                    failed(result.message)
                self._count(result.passed, changed)
            await asyncio.sleep(max(0.0, self.period - (time.monotonic() - begun)))

    def _count(self, passed: bool, changed: Callable[[bool], None]) -> None:
        self._same = self._same + 1 if passed == self._last else 1
        self._last = passed
        wanted = self.spec.get("successThreshold", 1) if passed else self.spec.get("failureThreshold", 3)
        if self._same >= wanted and (passed != self.verdict or not passed):
            self.verdict = passed
            changed(passed)
