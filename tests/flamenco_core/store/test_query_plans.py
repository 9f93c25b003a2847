"""No statement of a request reads more than the request asks for, however large the farm."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import flamenco_core.store
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import (
    HeldTask,
    HostSample,
    JobPriorityChange,
    JobStatusChange,
    JobTagChange,
    TaskRequest,
    TaskStatistics,
    TaskStatusChange,
    TaskUpdate,
    WorkerSleepSchedule,
    WorkerStatusChangeRequest,
    WorkerTag,
    WorkerTagChangeRequest,
)
from flamenco_core.model.saved_queries import QueriedList, SavedQueryChange
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco_core.store.database import Statement
from flamenco_core.store.job_search import JobCriteria
from flamenco_core.store.listing import Filter, ListRequest
from flamenco_core.store.lists import LISTINGS
from flamenco_core.store.reader import FarmReader
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    fail,
    store,
    take,
)

TASKS = 200_000
JOBS = 2_000


@pytest.fixture(scope="module")
def large_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Manager, str]]:
    """200,000 tasks in 2,000 queued jobs, of which only the last one suits the worker."""
    file = tmp_path_factory.mktemp("farm") / "farm.sqlite"
    with Manager.open(file) as manager:
        worker = awake_worker(manager, "blender")
        with manager.unit_of_work():
            for index in range(JOBS):
                is_last = index == JOBS - 1
                job = compiled_job(TASKS // JOBS, task_type="blender" if is_last else "ffmpeg")
                store(manager, job)
        yield manager, worker


def production_statements() -> dict[str, Statement]:
    """Every statement of the store, by module and name."""
    found = {}
    for module_info in pkgutil.iter_modules(flamenco_core.store.__path__):
        module = importlib.import_module(f"flamenco_core.store.{module_info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Statement):
                found[f"{module_info.name}.{name}"] = value
    return found


def unbounded_steps(db: sqlite3.Connection, sql: str) -> list[str]:
    """The steps of a query plan that read a whole table, or sort in a temporary one."""
    parameters = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    return [
        step
        for step in plan
        if "TEMP B-TREE" in step
        or (step.startswith("SCAN") and not re.fullmatch(r"SCAN \d+ CONSTANT ROWS?", step))
    ]


def test_the_store_has_its_statements_where_this_test_looks() -> None:
    assert len(production_statements()) > 70


@pytest.mark.parametrize("name", sorted(production_statements()))
def test_a_statement_neither_scans_a_table_nor_sorts(
    large_farm: tuple[Manager, str], name: str
) -> None:
    statement = production_statements()[name]
    with sqlite3.connect(large_farm[0].file) as db:
        assert unbounded_steps(db, statement.sql) == []


def test_all_sql_that_requests_run_is_bounded(large_farm: tuple[Manager, str]) -> None:
    manager, worker = large_farm
    seen: set[str] = set()
    manager._db.set_trace_callback(seen.add)
    with manager.reader() as reader:
        reader._db.set_trace_callback(seen.add)
        run_every_request(manager, reader, worker)
    manager._db.set_trace_callback(None)
    queries = {sql for sql in seen if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", sql)}
    assert len(queries) > 60
    with sqlite3.connect(manager.file) as db:
        bad = {sql: steps for sql in queries if (steps := unbounded_steps(db, sql))}
    assert bad == {}


def run_every_request(manager: Manager, reader: FarmReader, worker: str) -> None:
    """One of each thing that workers and people can ask for."""
    job = compiled_job([compiled_task(), compiled_task("video", depends_on=[0])], priority=90)
    store(manager, job)
    task = take(manager, worker)
    manager.may_keep_running(worker, task.uuid)
    held = HeldTask(task=task.uuid, attempt=task.attempt or 0)
    manager.next_task(worker, TaskRequest(holding=[held]))
    told = TaskStatistics(render_seconds=1)
    manager.update_task(
        worker, task.uuid, TaskUpdate(log="line", steps_completed=1, statistics=told)
    )
    manager.image_rendered(manager.job_of_output(worker, task.uuid))
    fail(manager, worker, task)
    manager.worker_state(worker)
    manager.store_host_statistics(worker, [HostSample(cpu_percent=1)])
    manager.set_job_priority(job.id, JobPriorityChange(priority=95), actor=MANAGER)
    for lines in (["x = 1"], []):
        manager.set_rna_overrides(job.id, lines, actor=MANAGER)
    read_everything(reader, job.id, task.uuid, worker)
    for status in (JobStatus.REQUEUEING, JobStatus.PAUSE_REQUESTED, JobStatus.REQUEUEING):
        manager.set_job_status(job.id, JobStatusChange(status=status, reason=""), actor=MANAGER)
    task = take(manager, awake_worker(manager, "blender"))
    change = TaskStatusChange(status=TaskStatus.CANCELED, reason="")
    manager.set_task_status(task.uuid, change, actor=MANAGER)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="")
    manager.set_task_status(task.uuid, change, actor=MANAGER)
    request = WorkerStatusChangeRequest(status=WorkerStatus.ASLEEP, is_lazy=False)
    manager.request_worker_status(worker, request, actor=MANAGER)
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    manager.sign_off(worker)
    chunks = manager.waiting_log_chunks(limit=100)
    manager.drop_log_chunks(chunks)
    manager.unsettled_jobs()
    manager.old_jobs(limit=10)
    manager.check_timeouts()
    schedule = WorkerSleepSchedule(
        is_active=True, days_of_week="", start_time="09:00", end_time="10:00"
    )
    manager.set_sleep_schedule(worker, schedule, actor=MANAGER)
    manager.check_sleep_schedules()
    tag = manager.create_tag(WorkerTag(name="fast"), actor=MANAGER)
    manager.update_tag(tag.id or "", WorkerTag(name="faster"), actor=MANAGER)
    manager.set_worker_tags(worker, WorkerTagChangeRequest(tag_ids=[tag.id or ""]), actor=MANAGER)
    manager.set_job_tag(job.id, JobTagChange(name="faster"), actor=MANAGER)
    manager.set_job_tag(job.id, JobTagChange(), actor=MANAGER)
    reader.tag(tag.id or "")
    manager.delete_tag(tag.id or "", actor=MANAGER)
    query = SavedQueryChange(name="mine", list=QueriedList.JOBS, query={})
    saved = manager.save_query(query, actor=MANAGER)
    manager.replace_query(saved.id, query, actor=MANAGER)
    reader.saved_queries(MANAGER.name, limit=10)
    manager.delete_query(saved.id, actor=MANAGER)
    manager.forget_old_audit()
    manager.worker_actions(worker)
    manager.job_actions(job.id)
    manager.task_actions(task.uuid)
    manager.delete_worker(worker, actor=MANAGER)
    running = compiled_job(2, priority=99)
    store(manager, running)
    manager.what_deletion_would_do(job.id)
    manager.set_job_status(
        job.id, JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason=""), actor=MANAGER
    )
    manager.archive_job(job.id, actor=MANAGER)
    manager.finish_removals()
    manager.delete_job(running.id, actor=MANAGER)
    manager.delete_finished_jobs(datetime.now(UTC), actor=MANAGER)
    manager.finish_removals()


def read_everything(reader: FarmReader, job: str, task: str, worker: str) -> None:
    reader.job(job)
    reader.jobs(limit=10, before=job)
    statuses = frozenset({JobStatus.QUEUED, JobStatus.ACTIVE})
    said = {"project": "Sprite"}
    reader.jobs(JobCriteria(statuses=statuses, type="x", metadata=said), limit=10)
    read_every_list(reader, job, task, worker)
    reader.metadata_keys()
    reader.metadata_values("project", after="A")
    reader.statistics(job)
    reader.statistics_sums(worker)
    reader.job_statistics(job)
    reader.frame_statistics(job)
    reader.overview()
    day = datetime(2026, 2, 3, tzinfo=UTC)
    reader.host_samples(worker, since=day, until=day + timedelta(days=1))
    reader.tasks(job)
    reader.task(task)
    reader.task_log(task)
    reader.task_log_size(task)
    reader.last_rendered_job()
    reader.workers()
    reader.worker(worker)
    reader.worker_is(worker, "secret")
    reader.tags()
    reader.sleep_schedule(worker)
    reader.event_of_job(job)
    reader.event_of_task(task)
    reader.event_of_worker(worker)
    reader.worker_statuses()
    reader.unfinished_job_statuses()


def read_every_list(reader: FarmReader, job: str, task: str, worker: str) -> None:
    """Each list in each order, with no filter, with each one, and with all of them."""
    texts = {
        "status": "queued,failed",
        "metadata": '{"project": "Sprite", "user.name": "ana"}',
        "archived": "false",
        "actor": "person:ana",
        "subject": task,
        "job": job,
        "worker": worker,
    }
    for name, listing in LISTINGS.items():
        filters = {each.name: texts.get(each.name) or example(each) for each in listing.filters}
        if name == "workers":
            filters["status"] = "awake,asleep"
        choices = [{}, filters, *({key: text} for key, text in filters.items())]
        for order, sign, chosen in itertools.product(listing.orders, ("", "-"), choices):
            reader.list_page(
                ListRequest(listing=name, subject=job, sort=sign + order, filters=chosen, limit=2)
            )


def example(filter_of_list: Filter) -> str:
    """Something that a filter takes."""
    schema = filter_of_list.schema
    return str(schema.get("minimum", schema.get("examples", ["x"])[0]))


def test_a_new_farm_makes_no_file_but_the_database(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "farm.sqlite"):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["farm.sqlite", "farm.sqlite.lock"]
