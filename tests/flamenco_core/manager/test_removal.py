"""Jobs that are put away, archived or deleted with their files, on a real farm and disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flamenco_core import task_logs
from flamenco_core.config import Config
from flamenco_core.errors import Conflict, InvalidInput, NotFound
from flamenco_core.events import Event, JobDeleted
from flamenco_core.manager import MANAGER, Manager, log_files
from flamenco_core.model import (
    JobPriorityChange,
    JobStatusChange,
    JobStorageInfo,
    ShamanCheckout,
    ShamanFileSpec,
    TaskStatusChange,
)
from flamenco_core.shaman import ShamanStore
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    fail,
    report,
    statuses,
    store,
    take,
    take_or_none,
)

CONTENT = b"a blend file"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


@pytest.fixture
def shaman(config: Config) -> ShamanStore:
    return ShamanStore(config.file_store, config.job_storage)


@pytest.fixture
def manager(config: Config, clock: FakeClock) -> Iterator[Manager]:
    with Manager.open(config=config, clock=clock, monotonic=clock.monotonic) as manager:
        yield manager
        assert manager.check() == []


def check_out(shaman: ShamanStore, name: str) -> str:
    sha = hashlib.sha256(CONTENT).hexdigest()
    upload = shaman.receive(sha, len(CONTENT), can_defer=False)
    upload.write(CONTENT)
    upload.finish()
    files = [ShamanFileSpec(sha=sha, size=len(CONTENT), path="scene.blend")]
    return shaman.checkout(ShamanCheckout(files=files, checkoutPath=name)).checkoutPath


def job_with_checkout(manager: Manager, checkout: str) -> str:
    return store(manager, compiled_job(1, storage=JobStorageInfo(shaman_checkout_id=checkout)))


def move_logs(manager: Manager) -> None:
    chunks = manager.waiting_log_chunks(limit=1000)
    log_files.write(chunks, manager.config.local_storage)
    manager.drop_log_chunks(chunks)


def is_gone(manager: Manager, job: str) -> bool:
    try:
        manager.job(job)
    except NotFound:
        return True
    return False


def finished_job(manager: Manager) -> str:
    worker = awake_worker(manager)
    frames = [compiled_task("render-1"), compiled_task("render-2")]
    job = store(manager, compiled_job([*frames, compiled_task("video", depends_on=[0, 1])]))
    for _ in range(3):
        task = take(manager, worker)
        report(manager, worker, task, TaskStatus.ACTIVE, log=f"rendered {task.name}")
        complete(manager, worker, task)
    move_logs(manager)
    return job


def test_an_archived_job_keeps_its_records_and_drops_what_running_it_needs(
    manager: Manager,
) -> None:
    job = finished_job(manager)
    before = manager.job(job)
    manager.archive_job(job, actor=MANAGER)
    manager.finish_removals()
    after = manager.job(job)
    assert after.archived_at is not None
    assert (after.settings, after.metadata, after.steps_completed, after.task_counts) == (
        before.settings,
        before.metadata,
        before.steps_completed,
        before.task_counts,
    )
    assert statuses(manager, job) == ["completed"] * 3
    task = manager.tasks(job)[0]
    assert "rendered render-1" in manager.task_log(task.id)
    with manager.reader() as reader:
        assert reader.task(task.id)["commands"] == []
    tables = ["task_commands", "dependency_groups", "dependency_group_parents", "job_queues"]
    for table in [*tables, "intents"]:
        assert manager._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
    assert manager._db.execute("SELECT count(*) FROM task_attempts").fetchone()[0] == 3


def test_an_archived_job_cannot_be_run_again(manager: Manager) -> None:
    job = finished_job(manager)
    manager.archive_job(job, actor=MANAGER)
    with pytest.raises(Conflict, match="it is archived"):
        ask(manager, job, JobStatus.REQUEUEING)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test")
    with pytest.raises(Conflict, match="its job is archived"):
        manager.set_task_status(manager.tasks(job)[0].id, change, actor=MANAGER)
    with pytest.raises(Conflict, match="it is archived"):
        manager.set_job_priority(job, JobPriorityChange(priority=1), actor=MANAGER)
    with pytest.raises(Conflict, match="it is archived; possible now: delete"):
        manager.archive_job(job, actor=MANAGER)


def test_only_jobs_that_rest_can_be_archived(manager: Manager) -> None:
    job = store(manager, compiled_job(2))
    with pytest.raises(Conflict, match="it is queued"):
        manager.archive_job(job, actor=MANAGER)
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    manager.archive_job(job, actor=MANAGER)
    manager.finish_removals()
    assert statuses(manager, job) == ["paused"] * 2
    assert take_or_none(manager, awake_worker(manager)) is None


def test_a_large_job_is_archived_and_deleted_piece_by_piece(manager: Manager) -> None:
    tasks = [compiled_task(f"a{i}") for i in range(700)]
    tasks += [compiled_task(f"b{i}", depends_on=range(i + 1)) for i in range(20)]
    job = store(manager, compiled_job(tasks))
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    for put_away in (manager.archive_job, manager.delete_job):
        put_away(job, actor=MANAGER)
        pieces = 0
        while removals := manager.removals():
            manager.go_on_removing(removals[0])
            assert manager.check() == []
            pieces += 1
        assert pieces > 3
    manager.finish_removals()
    assert is_gone(manager, job)


def test_a_deleted_job_loses_its_tasks_its_logs_and_its_checkout(
    manager: Manager, shaman: ShamanStore
) -> None:
    checkout = check_out(shaman, "project/shot")
    worker = awake_worker(manager)
    job = job_with_checkout(manager, checkout)
    task = take(manager, worker)
    report(manager, worker, task, TaskStatus.COMPLETED, log="line")
    move_logs(manager)
    logs = task_logs.job_folder(manager.config.local_storage, job)
    folder = manager.config.job_storage / checkout
    foretold = manager.what_deletion_would_do(job)
    assert (foretold.shaman_checkout, foretold.tasks) == (True, 1)
    assert foretold.folders == [str(logs), str(folder)]
    assert logs.is_dir()
    assert folder.is_dir()

    events: list[Event] = []
    manager.subscribe(events.extend)
    manager.delete_job(job, actor=MANAGER)
    assert manager.job(job).delete_requested_at is not None
    manager.finish_removals()
    assert is_gone(manager, job)
    assert not logs.parent.exists()
    assert not folder.exists()
    assert [event.job_id for event in events if isinstance(event, JobDeleted)] == [job]
    for table in ("tasks", "task_attempts", "task_log_chunks", "intents", "job_queues"):
        assert manager._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0


def test_deleting_a_running_job_stops_its_workers_first(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1000))
    task = take(manager, worker)
    manager.delete_job(job, actor=MANAGER)
    assert take_or_none(manager, awake_worker(manager)) is None
    manager.go_on_removing(manager.removals()[0])
    assert not manager.may_keep_running(worker, task.uuid).mayKeepRunning
    with pytest.raises(Conflict, match="being deleted"):
        ask(manager, job, JobStatus.REQUEUEING)
    manager.finish_removals()
    assert is_gone(manager, job)
    assert manager.may_keep_running(worker, task.uuid).reason == "the task does not exist any more"


@pytest.mark.parametrize(
    "status", [JobStatus.PAUSE_REQUESTED, JobStatus.CANCEL_REQUESTED, JobStatus.REQUEUEING]
)
def test_a_job_can_be_deleted_in_the_middle_of_another_change(
    manager: Manager, status: JobStatus
) -> None:
    job = store(manager, compiled_job(1000))
    if status is JobStatus.REQUEUEING:
        ask(manager, job, JobStatus.CANCEL_REQUESTED)
    manager.set_job_status(job, JobStatusChange(status=status, reason=""), actor=MANAGER)
    assert manager.unsettled_jobs() == [job]
    manager.delete_job(job, actor=MANAGER)
    manager.finish_removals()
    assert is_gone(manager, job)


def test_deletion_goes_on_after_a_crash_at_any_point(
    config: Config, clock: FakeClock, shaman: ShamanStore
) -> None:
    def reopened() -> Manager:
        return Manager.open(config=config, clock=clock, monotonic=clock.monotonic)

    with reopened() as manager:
        tasks = [compiled_task(f"a{i}") for i in range(700)]
        storage = JobStorageInfo(shaman_checkout_id=check_out(shaman, "shot"))
        job = store(manager, compiled_job(tasks, storage=storage))
        manager.delete_job(job, actor=MANAGER)
    for _ in range(100):
        with reopened() as manager:
            assert manager.check() == []
            if is_gone(manager, job):
                break
            if removals := manager.removals():
                manager.go_on_removing(removals[0])
            else:
                assert not manager.tasks(job)
                manager.finish_removals()
    assert not (config.job_storage / "shot").exists()


def test_a_checkout_that_another_job_uses_stays(manager: Manager, shaman: ShamanStore) -> None:
    checkout = check_out(shaman, "shot")
    job, other = job_with_checkout(manager, checkout), job_with_checkout(manager, checkout)
    assert not manager.what_deletion_would_do(job).shaman_checkout
    manager.delete_job(job, actor=MANAGER)
    manager.finish_removals()
    assert (manager.config.job_storage / checkout).is_dir()
    manager.delete_job(other, actor=MANAGER)
    manager.finish_removals()
    assert not (manager.config.job_storage / checkout).exists()


def test_files_that_cannot_be_erased_leave_the_job_in_the_list_with_the_reason(
    manager: Manager,
) -> None:
    folder = manager.config.job_storage / "by-hand"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    job = job_with_checkout(manager, "by-hand")
    manager.delete_job(job, actor=MANAGER)
    manager.finish_removals()
    assert manager.file_work(limit=10) == [], "it is not tried for ever"
    left = manager.job(job)
    assert left.delete_requested_at is not None
    assert left.activity.startswith("Not all files of this job could be erased")
    assert "by-hand" in left.activity
    manager.delete_job(job, actor=MANAGER)
    assert len(manager.file_work(limit=10)) == 1, "a person may ask for another try"
    manager.finish_removals()
    manager.delete_job(job, leave_files=True, actor=MANAGER)
    manager.finish_removals()
    assert is_gone(manager, job)
    assert folder.is_dir()


def test_a_storage_that_refuses_for_a_while_is_tried_again_a_few_times(manager: Manager) -> None:
    job = job_with_checkout(manager, "shot")
    manager.delete_job(job, actor=MANAGER)
    while removals := manager.removals():
        manager.go_on_removing(removals[0])
    refused = OSError("the disk is read-only")
    work = manager.file_work(limit=1)[0]
    given_up = [manager.file_work_failed(work, refused) for _ in range(5)]
    assert given_up == [False, False, False, False, True]
    assert "the disk is read-only" in manager.job(job).activity


def test_a_job_that_is_forgotten_leaves_its_files(manager: Manager, shaman: ShamanStore) -> None:
    job = job_with_checkout(manager, check_out(shaman, "shot"))
    manager.delete_job(job, leave_files=True, actor=MANAGER)
    manager.finish_removals()
    assert is_gone(manager, job)
    assert (manager.config.job_storage / "shot").is_dir()


def test_only_finished_jobs_that_rest_for_long_are_deleted_together(
    manager: Manager, clock: FakeClock
) -> None:
    old = [finished_job(manager) for _ in range(3)]
    running = store(manager, compiled_job(2))
    clock.advance(timedelta(days=10, milliseconds=1))
    limit = clock() - timedelta(days=5)
    recent = store(manager, compiled_job(1))
    ask(manager, recent, JobStatus.CANCEL_REQUESTED)
    assert set(manager.finished_jobs(limit, limit=10)) == set(old)
    assert manager.delete_finished_jobs(limit, actor=MANAGER) == 3
    assert manager.delete_finished_jobs(limit, actor=MANAGER) == 0
    manager.finish_removals()
    assert [is_gone(manager, job) for job in [*old, running, recent]] == [True] * 3 + [False] * 2


def test_the_time_of_a_mass_deletion_is_rounded_up_to_a_second(
    manager: Manager, clock: FakeClock
) -> None:
    clock.advance(timedelta(milliseconds=700))
    job = finished_job(manager)
    shown = clock().replace(microsecond=1)
    assert manager.finished_jobs(shown, limit=10) == [job]
    assert manager.finished_jobs(shown.replace(microsecond=0), limit=10) == []


def test_only_the_failed_tasks_are_queued_again(manager: Manager) -> None:
    workers = [awake_worker(manager) for _ in range(4)]
    job = store(manager, compiled_job(20))
    for worker in workers[:3]:
        fail(manager, worker, take(manager, worker))
    complete(manager, workers[3], take(manager, workers[3]))
    assert statuses(manager, job)[:3] == ["failed", "completed", "queued"]
    assert not manager.requeue_failed_tasks(job, actor=MANAGER)
    assert statuses(manager, job)[:3] == ["queued", "completed", "queued"]
    assert take(manager, workers[0]).name == "render-0", "its failures are forgiven"
    with pytest.raises(Conflict, match="none of its tasks has failed"):
        manager.requeue_failed_tasks(job, actor=MANAGER)


def test_a_time_without_a_zone_deletes_nothing(manager: Manager) -> None:
    job = store(manager, compiled_job())
    complete(manager, worker := awake_worker(manager), take(manager, worker))
    with pytest.raises(InvalidInput, match="has no time zone"):
        manager.delete_finished_jobs(datetime(2100, 1, 1), actor=MANAGER)  # noqa: DTZ001
    assert manager.job(job).delete_requested_at is None
