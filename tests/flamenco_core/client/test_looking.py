"""Our client looks at lists, statistics, records and files of a real Manager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient
from flamenco_core.model import HostSample
from flamenco_core.model.saved_queries import QueriedList, SavedQueryChange
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[tuple[RunningManager, ManagerClient]]:
    with (
        RunningManager(tmp_path / "farm") as manager,
        ManagerClient(f"http://127.0.0.1:{manager.port}/") as client,
    ):
        yield manager, client


def test_lists_come_page_by_page(farm: tuple[RunningManager, ManagerClient]) -> None:
    manager, client = farm
    jobs = [manager.submit(name=f"shot {index}")["id"] for index in range(3)]
    first = client.fetch_jobs_page({"limit": "2"})
    assert (len(first.jobs), first.total) == (2, 3)
    rest = client.fetch_jobs_page({"limit": "2", "cursor": first.next or ""})
    assert [job.id for job in (*first.jobs, *rest.jobs)] == jobs[::-1]
    tasks = client.fetch_job_tasks_page(jobs[0], {"limit": "1", "sort": "-index"})
    assert (tasks.total, tasks.tasks[0].index_in_job) == (2, 2)
    assert client.fetch_workers_page({"limit": "1"}).workers == []


def test_statistics_are_fetched(farm: tuple[RunningManager, ManagerClient]) -> None:
    manager, client = farm
    worker, job = manager.add_worker(), manager.submit()["id"]
    task = manager.post("/worker/task", worker=worker).json
    statistics = {"run_seconds": 8, "output_files": ["/r/0003.png", "/r/0004.png"]}
    update = {"taskStatus": "completed", "attempt": 1, "statistics": statistics}
    assert manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status == 204
    assert client.fetch_job_statistics(job).run_seconds == 8
    (attempt,) = client.fetch_job_attempts(job, {"outcome": "completed"}).attempts
    assert attempt.output_files == ["/r/0003.png", "/r/0004.png"]
    frames = client.fetch_job_frame_statistics(job)
    assert [(frame.frame, frame.seconds) for frame in frames] == [(3, 4), (4, 4)]
    assert client.fetch_statistics()[0].attempts == 1
    assert client.fetch_worker_statistics(worker.uuid)[0].job_type == "echo-sleep-test"
    assert client.fetch_farm_overview().workers == {"awake": 1}


def test_a_worker_tells_what_its_machine_does(
    farm: tuple[RunningManager, ManagerClient],
) -> None:
    manager, client = farm
    worker = manager.add_worker()
    client.sign_in(worker.uuid, worker.secret)
    client.store_host_statistics([HostSample(cpu_percent=25)])
    (point,) = client.fetch_host_statistics(worker.uuid)
    assert point.cpu_percent == 25
    (minute,) = client.fetch_host_statistics(worker.uuid, by_minute=True)
    assert minute.time.second == 0
    assert client.fetch_host_statistics(worker.uuid, until=minute.time) == []


def test_records_are_fetched_and_queries_kept(
    farm: tuple[RunningManager, ManagerClient],
) -> None:
    manager, client = farm
    for _ in range(3):
        manager.submit()
    actions = [entry.action for entry in client.fetch_audit_log({"limit": "2"})]
    assert actions == ["job.submit"] * 3
    change = SavedQueryChange(name="mine", list=QueriedList.JOBS, query={"status": "failed"})
    mine = client.save_query(change)
    shared = client.save_query(change, is_shared=True)
    assert client.fetch_saved_queries() == [mine, shared]
    other = SavedQueryChange(name="mine", list=QueriedList.JOBS, query={})
    assert client.replace_query(mine.id, other).query == {}
    client.delete_query(mine.id)
    client.delete_query(shared.id, is_shared=True)
    assert client.fetch_saved_queries() == []


def test_shared_files_are_listed_and_read(farm: tuple[RunningManager, ManagerClient]) -> None:
    manager, client = farm
    folder = manager.config.shared_storage / "render"
    folder.mkdir()
    for frame in range(1, 1203):
        (folder / f"{frame:06d}.png").write_bytes(b"%d" % frame)
    (root,) = client.list_folder()
    assert [entry.name for entry in client.list_folder(root.path)] == ["render"]
    (sequence,) = client.list_folder(str(folder))
    assert (sequence.name, sequence.frames) == ("######.png", "1-1202")
    listing = client.list_image_sequence(sequence.path)
    assert [frame.frame for frame in listing.frames] == list(range(1, 1203))
    assert client.fetch_file(listing.frames[-1].path) == b"1202"
    assert client.fetch_file(listing.frames[-1].path, first=1, last=2) == b"20"
