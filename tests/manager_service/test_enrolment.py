"""Strange workers stay out where an enrolment secret is asked for."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.client import ManagerRefused
from flamenco_worker.config import WorkerConfig
from flamenco_worker.worker import Worker
from tests.eventually import eventually
from tests.manager_service.people import (
    GuardedManager,
    add_people,
    add_token,
    bearer,
    stop_the_clock_of_logins,
)
from tests.manager_service.running_manager import Reply, RunningManager, WorkerLogin

SECRET = "let me in, ünïcode too"


def registration(name: str = "w") -> dict[str, Any]:
    return {
        "name": name,
        "secret": "of the worker",
        "platform": "linux",
        "supported_task_types": ["misc"],
    }


def basic(user: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def register(manager: RunningManager, headers: dict[str, str] | None = None) -> Reply:
    return manager.post("/worker/register-worker", registration(), headers=headers)


@pytest.mark.parametrize("kind", [RunningManager, GuardedManager])
def test_a_configured_secret_is_asked_for_with_accounts_and_without(
    tmp_path: Path, kind: type[RunningManager]
) -> None:
    add_people(tmp_path, ada="admin")
    with kind(tmp_path, worker_registration_secret=SECRET) as manager:
        for wrong in (None, basic("", ""), basic("enrolment", "let me in"), bearer("let me in")):
            reply = register(manager, wrong)
            assert reply.status == 401
            assert "WWW-Authenticate" in reply.headers
            assert SECRET not in reply.content.decode()
        reply = register(manager, basic("anything", SECRET))
        assert reply.status == 200
        login = WorkerLogin(reply.json["uuid"], "of the worker")
        sign_on = {"name": "w", "supported_task_types": ["misc"], "software_version": "3.8"}
        assert manager.post("/worker/sign-on", sign_on, worker=login).status == 200


def test_flamenco_3s_workers_that_are_registered_go_on_when_accounts_are_switched_on(
    tmp_path: Path,
) -> None:
    with RunningManager(tmp_path) as manager:
        worker = manager.add_worker()
    add_people(tmp_path, ada="admin")
    with GuardedManager(tmp_path, worker_registration_secret=SECRET) as manager:
        assert manager.post("/worker/task", worker=worker).status == 204
        wrong = WorkerLogin(worker.uuid, "something else")
        assert manager.post("/worker/task", worker=wrong).status == 403


def test_with_accounts_and_no_secret_no_worker_comes_by_itself(tmp_path: Path) -> None:
    add_people(tmp_path, wim="wrangler", ada="admin", art="artist")
    wim = add_token(tmp_path, "wim", "wrangler")
    art = add_token(tmp_path, "art", "artist")
    with GuardedManager(tmp_path) as manager:
        reply = register(manager)
        assert reply.status == 401
        assert "worker_registration_secret" in reply.json["problems"][0]["hint"]
        assert register(manager, bearer(art)).status == 401
        assert register(manager, bearer(wim)).status == 200


def test_guessing_the_secret_gets_slow(tmp_path: Path) -> None:
    with RunningManager(tmp_path, worker_registration_secret=SECRET) as manager:
        stop_the_clock_of_logins(manager)
        statuses = [register(manager, basic("x", f"guess {n}")).status for n in range(22)]
        assert set(statuses[:20]) == {401}
        assert statuses[-1] == 429
        assert register(manager, basic("x", SECRET)).status == 429


def test_our_worker_sends_the_secret_that_it_is_configured_with(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin")
    with GuardedManager(tmp_path, worker_registration_secret=SECRET) as manager:
        url = f"http://127.0.0.1:{manager.port}/"
        refused = WorkerConfig(home=tmp_path / "a", worker_name="stranger", manager_url=url)
        with pytest.raises(ManagerRefused, match="may not register"):
            Worker(refused).run()
        welcome = WorkerConfig(
            home=tmp_path / "b",
            worker_name="welcome",
            manager_url=url,
            worker_registration_secret=SECRET,
        )
        worker = Worker(welcome)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            awake = [("welcome", "awake")]
            eventually(lambda: manager.sql("SELECT name, status FROM workers") == awake)
        finally:
            while thread.is_alive():
                worker.stop("the test ends")
                thread.join(0.05)
