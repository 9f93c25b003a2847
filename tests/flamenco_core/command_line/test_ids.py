"""Shortened ids with a Manager that knows whole ones only, as Flamenco 3's does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flamenco_core.command_line.conftest import Program

JOB = {
    "id": "0c5f5a0e-3f4b-4c5d-8e6f-7a8b9c0d1e2f",
    "name": "a job of Flamenco 3",
    "type": "simple-blender-render",
    "priority": 50,
    "settings": {},
    "metadata": {},
    "submitter_platform": "",
    "created": "2026-02-03T04:05:06Z",
    "updated": "2026-02-03T04:05:06Z",
    "status": "queued",
    "activity": "",
    "steps_completed": 0,
    "steps_total": 1,
}


class _Flamenco3(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        known = {"/api/v3/jobs": {"jobs": [JOB]}, f"/api/v3/jobs/{JOB['id']}": JOB}
        status, body = (200, known[path]) if path in known else (404, {"message": "Not Found"})
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody wants to read it."""


@pytest.fixture
def flamenco_3() -> Iterator[str]:
    """The address of something that answers like a Manager of Flamenco 3."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Flamenco3) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_job_is_looked_for_in_the_list(flamenco: Program, flamenco_3: str) -> None:
    shown = flamenco("job", "0C5F5A0E", "--manager", flamenco_3)
    assert (shown.code, "a job of Flamenco 3" in shown.out) == (0, True)
    missing = flamenco("job", "ffff", "--manager", flamenco_3)
    assert (missing.code, "whose id begins with 'ffff'" in missing.err) == (1, True)


@pytest.mark.parametrize("nothing", ["", " "])
def test_nothing_is_not_the_only_job_there_is(
    flamenco: Program, flamenco_3: str, nothing: str
) -> None:
    shown = flamenco("job", nothing, "--manager", flamenco_3)
    assert (shown.code, shown.out, shown.err) == (1, "", "flamenco: an empty text is no job\n")
    deleted = flamenco("delete", nothing, "--yes", "--manager", flamenco_3)
    assert (deleted.code, "an empty text is no job" in deleted.err) == (1, True)


def test_tasks_need_their_whole_ids(flamenco: Program, flamenco_3: str) -> None:
    ended = flamenco("task-log", "0c5f5a0e", "--manager", flamenco_3)
    assert (ended.code, ended.err) == (
        1,
        "flamenco: this Manager finds tasks by their whole ids only\n",
    )
