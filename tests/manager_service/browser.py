"""A real browser, driven over the Chrome DevTools Protocol."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "msedge")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

TIME_LIMIT = 60


class CommandFailed(AssertionError):
    """The browser would not do it, such as in a page that goes away at this moment."""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(TIME_LIMIT))
            if message.get("id") == number:
                if "error" in message:
                    raise CommandFailed(message)
                found: dict[str, Any] = message["result"]
                return found

    def open(self, url: str) -> None:
        self.command("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of an expression, waited for if it is a promise."""
        result = self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until an expression becomes true; also across a page that is loaded anew."""
        deadline = time.monotonic() + TIME_LIMIT
        script = f"(() => {{ try {{ return Boolean({condition}) }} catch {{ return false }} }})()"
        while not self._holds(script):
            assert time.monotonic() < deadline, self.run("document.documentElement.outerHTML")
            time.sleep(0.05)

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.run(script))
        except CommandFailed:  # between two pages there is nothing to run it in
            return False


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A tab of a new browser that reaches only this machine."""
    assert CHROMIUM, "Chromium is missing; install it with apt-get install chromium"
    process = subprocess.Popen(
        [
            CHROMIUM,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update"),
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )
    try:
        port = _port(profile / "DevToolsActivePort", process)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=TIME_LIMIT) as answer:
            tabs = json.load(answer)
        [url] = [tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"]
        with connect(url, max_size=2**26) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        try:
            process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + TIME_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) > 1:
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
