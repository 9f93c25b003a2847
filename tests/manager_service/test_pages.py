"""The pages for browsers, which must need nothing from the internet."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manager_service.browser import CHROMIUM
from tests.manager_service.running_manager import RunningManager

TIME_LIMIT = 120

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and sys.platform != "linux", reason="there is no Chromium on this machine"
)
"""On Linux the test run has to bring one (`apt-get install chromium`)."""


def rendered(url: str, profile: Path) -> str:
    """The page as a browser shows it, once its scripts have run; only this machine is reachable."""
    assert CHROMIUM, "Chromium is missing; install it with apt-get install chromium"
    arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--virtual-time-budget=10000",
        "--dump-dom",
    ]
    ended = subprocess.run(
        [CHROMIUM, *arguments, url], capture_output=True, text=True, timeout=TIME_LIMIT, check=True
    )
    return ended.stdout


def test_the_document_has_both_names(shared_manager: RunningManager) -> None:
    document = shared_manager.get("/openapi.json")
    assert document.json["openapi"] == "3.1.0"
    assert "/api/v3/jobs" in document.json["paths"]
    assert shared_manager.get("/openapi3.json").content == document.content


@pytest.mark.usefixtures("web_build")
@pytest.mark.parametrize("page", ["/api/v3/docs", "/app/"])
def test_everything_a_page_refers_to_is_served_by_the_manager(
    shared_manager: RunningManager, page: str
) -> None:
    content = shared_manager.get(page).content.decode()
    references = re.findall(r'(?:src|href|url)(?:=|: )"([^"]*)"', content)
    assert references
    for reference in references:
        if reference != "data:,":
            assert reference.startswith("/"), f"{reference} is somewhere else"
            assert shared_manager.get(reference).status == 200


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", "/app/"),
        ("/app", "/app/"),
        ("/api/v3/docs/", "/api/v3/docs"),
        ("/api/v3/swagger-ui/", "/api/v3/docs"),
    ],
)
def test_other_addresses_of_the_pages_lead_to_them(
    shared_manager: RunningManager, path: str, target: str
) -> None:
    reply = shared_manager.get(path)
    assert (reply.status, reply.headers["Location"]) == (307, target)


@needs_browser
def test_the_explorer_shows_the_operations_without_a_network(
    manager: RunningManager, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{manager.port}/api/v3/docs#/jobs/submitJob"
    page = rendered(address, tmp_path / "profile")
    assert "Submit a job" in page
    assert 'id="operations-jobs-submitJob"' in page
    assert 'id="operations-tag-worker"' in page
