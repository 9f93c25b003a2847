"""People log in with a real browser, and pages of other sites cannot use that."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.manager_service.browser import CHROMIUM, Page, browser
from tests.manager_service.people import PASSWORD, GuardedManager, add_people
from tests.manager_service.running_manager import submission

pytestmark = pytest.mark.usefixtures("web_build")

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and sys.platform != "linux", reason="there is no Chromium on this machine"
)
"""On Linux the test run has to bring one (`apt-get install chromium`)."""


@contextmanager
def another_site() -> Iterator[str]:
    """A web page that is none of the Manager's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = b"<!DOCTYPE html><title>Evil</title><body></body>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[GuardedManager]:
    add_people(tmp_path / "farm", ada="admin")
    with GuardedManager(tmp_path / "farm") as running:
        yield running


def log_in(page: Page, manager: GuardedManager, password: str) -> None:
    page.open(f"http://127.0.0.1:{manager.port}/app/")
    page.wait_for("document.getElementById('password')")
    page.run(f"{_type('user', 'ada')}, {_type('password', password)}")
    page.run("document.querySelector('form').requestSubmit()")


def _type(field: str, text: str) -> str:
    """An expression that puts a text into a field, as typing it does."""
    return (
        f"(field => (field.value = '{text}', field.dispatchEvent(new Event('input'))))"
        f"(document.getElementById('{field}'))"
    )


IS_IN = "document.querySelector('button[aria-label=\"ada (admin)\"]')"


@needs_browser
def test_the_page_lets_people_in_with_the_right_password_only(
    manager: GuardedManager, tmp_path: Path
) -> None:
    job = manager.post("/jobs", submission(name="seen"), headers=manager.session("ada"))
    assert job.status == 200
    with browser(tmp_path / "profile") as page:
        log_in(page, manager, "wrong password")
        page.wait_for("document.getElementById('trouble').textContent.includes('login failed')")
        assert "seen" not in page.run("document.body.innerText")
        log_in(page, manager, PASSWORD)
        page.wait_for(IS_IN)
        page.wait_for("document.body.innerText.includes('seen')")
        assert page.run("document.cookie") == "", "scripts never see the session"
        status = page.run("fetch('/api/v3/logout', {method: 'POST'}).then(r => r.status)")
        assert status == 204
        page.run("location.reload()")
        page.wait_for("document.getElementById('password')")
        assert manager.sql("SELECT count(*) FROM sessions") == [(1,)], "the one of the test itself"


@needs_browser
def test_another_site_cannot_use_the_login_of_its_visitor(
    manager: GuardedManager, tmp_path: Path
) -> None:
    target = f"http://127.0.0.1:{manager.port}"
    with browser(tmp_path / "profile") as page, another_site() as site:
        log_in(page, manager, PASSWORD)
        page.wait_for(IS_IN)
        assert page.run(f"fetch('{target}/api/v3/jobs').then(r => r.status)") == 200
        page.open(site)
        # Another port of the same host is the same site to a browser, so that it sends the cookie.
        sent = page.run(
            f"fetch('{target}/api/v3/logout', {{method: 'POST', mode: 'no-cors', "
            "credentials: 'include'}).then(r => r.type)"
        )
        assert sent == "opaque"
        opened = page.run(
            "new Promise(done => {"
            f"  const socket = new WebSocket('ws://127.0.0.1:{manager.port}/api/v3/events');"
            "  socket.onopen = () => done('open'); socket.onerror = () => done('refused'); })"
        )
        assert opened == "refused"
        read = page.run(
            f"fetch('{target}/api/v3/users', {{credentials: 'include'}})"
            ".then(() => 'read', () => 'refused')"
        )
        assert read == "refused"
        page.open(f"{target}/app/")
        page.wait_for(IS_IN)
