"""Our own document, held against a running Manager by schemathesis: nothing undocumented."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manager_service.conformance.exchange import Exchange, add_admin, running_manager
from tests.manager_service.conformance.walk import let_workers_in, submit_jobs, tag_workers

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

LEFT_OUT = {
    "restartManager": "It does what it says.",
    "followEvents": "It is a conversation over a WebSocket, not an answer.",
}

EXAMPLES = 3
EXAMPLES_WHEN_THOROUGH = 100
TIME_LIMIT = 1800
"""Seconds; the thorough run takes many minutes on a busy machine."""


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    """How many random requests each operation gets, besides those at its limits."""
    return EXAMPLES_WHEN_THOROUGH if request.config.getoption("--thorough") else EXAMPLES


def settings_for(api: Exchange, *, with_known_ids: bool) -> str:
    """How schemathesis is to call: as a worker, at once, and with ids that mean something."""
    worker, _ = let_workers_in(api)
    job = submit_jobs(api)
    tag = tag_workers(api, worker)
    task = api.ask("fetchJobTasks", 200, job_id=job).json["tasks"][0]["id"]
    known = {
        "path.job_id": job,
        "path.task_id": task,
        "path.worker_id": worker.id,
        "path.tag_id": tag,
        "path.typeName": "echo-sleep-test",
        "body.type": "echo-sleep-test",
    }
    lines = [f'headers = {{ Authorization = "{worker.headers["Authorization"]}" }}']
    if with_known_ids:
        lines += ["[parameters]", *(f'"{name}" = "{value}"' for name, value in known.items())]
    return "\n".join(
        [
            *lines,
            "[[operations]]",
            'include-operation-id = ["scheduleTask", "workerState"]',
            'parameters = { "query.wait" = 0 }',
        ]
    )


def run(api: Exchange, settings: str, folder: Path, *more: str) -> None:
    """Lets schemathesis ask for everything; all that it finds is in the failure's message."""
    file = folder / "schemathesis.toml"
    file.write_text(settings, encoding="utf-8")
    address = f"http://{api.host}:{api.port}"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={file}",
        "run",
        f"{address}/api/v3/openapi.json",
        f"--url={address}",
        f"--checks={','.join(CHECKS)}",
        "--generation-deterministic",
        "--request-timeout=30",
        "--continue-on-failure",
        "--warnings=off",
        "--no-color",
        *(f"--exclude-operation-id={name}" for name in LEFT_OUT),
        *more,
    ]
    finished = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=TIME_LIMIT,
        check=False,
    )
    assert "generated" in finished.stdout, finished.stdout
    assert finished.returncode == 0, finished.stdout


@pytest.mark.timeout(TIME_LIMIT)
@pytest.mark.parametrize("with_known_ids", [True, False], ids=["known ids", "any ids"])
def test_random_requests_get_documented_answers(
    tmp_path: Path, examples: int, with_known_ids: bool
) -> None:
    # What deletes the things that the others are asked for is left to the other run.
    which = ["--phases=coverage,fuzzing", "--exclude-method=DELETE"]
    with running_manager(tmp_path / "home") as api:
        settings = settings_for(api, with_known_ids=with_known_ids)
        which = which if with_known_ids else ["--phases=fuzzing"]
        run(api, settings, tmp_path, f"--max-examples={examples}", *which)


@pytest.mark.timeout(TIME_LIMIT)
@pytest.mark.parametrize("is_admin", [True, False], ids=["an admin", "anybody"])
def test_random_requests_to_a_manager_with_accounts_get_documented_answers(
    tmp_path: Path, examples: int, is_admin: bool
) -> None:
    token = add_admin(tmp_path / "home")
    login = f'headers = {{ Authorization = "Bearer {token}" }}' if is_admin else ""
    count = f"--max-examples={max(examples // 3, 1)}"
    with running_manager(tmp_path / "home") as api:
        run(api, login, tmp_path, count, "--phases=fuzzing")
