from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core import wire
from flamenco_core.client import ManagerClient
from flamenco_core.model import AssignedTask
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.config import WorkerConfig
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.task_runner import Ending, TaskRunner
from flamenco_worker.update_queue import UpdateQueue
from tests.flamenco_worker.protocol_manager import PATIENCE, ProtocolManager, command, task_of
from tests.flamenco_worker.waiting_file import without_room

TASK = "11111111-1111-4111-8111-111111111111"
WORKER = "00000000-0000-4000-8000-000000000000"


class RunningTask:
    """A task that is run in a thread of its own, with a real queue."""

    def __init__(self, folder: Path, manager: ProtocolManager) -> None:
        manager.known_workers.add(WORKER)
        self.client = ManagerClient(manager.url, worker_id=WORKER, secret="secret")
        back_off = BackOff(timedelta(seconds=0.02), timedelta(seconds=0.1))
        self.path = folder / "queue.sqlite"
        self.queue = UpdateQueue(self.path, self.client, back_off)
        self.queue.start(WORKER, lambda _task, _attempt, _message: None)
        self.cancellation = Cancellation()
        self.endings: list[Ending] = []
        config = WorkerConfig(home=folder, worker_name="tester", manager_url=manager.url)
        machine = MachineSettings(config)
        self._runner = TaskRunner(self.client, self.queue.add, lambda _task, _image: None, machine)
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        task = wire.from_json(task_of(TASK, command("echo", message="kept")), AssignedTask)
        self.endings.append(self._runner.run(task, self.cancellation))

    def end(self) -> Ending:
        self._thread.join(PATIENCE)
        self.queue.close(timedelta(seconds=PATIENCE))
        self.client.abort()
        return self.endings[0]


def test_a_task_that_ends_while_the_disk_is_full_is_reported_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ProtocolManager() as manager:
        task = RunningTask(tmp_path, manager)
        with without_room(task.path, "INSERT"):
            task.start()
            manager.wait_for(
                lambda: caplog.text.count("has to wait: A task update cannot be kept") > 2, "a try"
            )
        assert task.end() is Ending.COMPLETED
        assert manager.statuses_of(TASK) == ["active", "completed"]
        assert 'echo: "kept"' in manager.log_of(TASK)


def test_a_task_whose_end_cannot_be_reported_does_not_keep_the_worker_from_ending(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ProtocolManager() as manager:
        task = RunningTask(tmp_path, manager)
        with without_room(task.path, "INSERT"):
            task.start()
            manager.wait_for(lambda: "has to wait" in caplog.text, "a try")
            task.cancellation.cancel("the worker ends")
            assert task.end() is Ending.GIVEN_UP
