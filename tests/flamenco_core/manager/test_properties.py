"""Whatever people and workers ask for, in any order, the farm adds up and no job gets stuck."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from flamenco_core.config import Config
from flamenco_core.errors import Conflict, NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import (
    AssignedTask,
    JobPriorityChange,
    JobStatusChange,
    JobTagChange,
    TaskRequest,
    TaskStatusChange,
    WorkerSignOn,
    WorkerTag,
    WorkerTagChangeRequest,
)
from flamenco_core.rules.actions import WorkerAction
from flamenco_core.rules.lifecycle import REQUESTABLE_JOB_STATUSES, REQUESTABLE_TASK_STATUSES
from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus, TaskStatus, WorkerStatus
from tests.flamenco_core.farms import (
    FakeClock,
    awake_worker,
    compiled_job,
    compiled_task,
    report,
    store,
    take_or_none,
)

TYPES = ("blender", "ffmpeg")


class Farm(RuleBasedStateMachine):
    """Random requests against a real farm file."""

    jobs: Bundle[str] = Bundle("jobs")
    workers: Bundle[str] = Bundle("workers")
    hand_outs: Bundle[tuple[str, AssignedTask]] = Bundle("hand_outs")

    @initialize(workers_time_out=st.booleans())
    def open_farm(self, workers_time_out: bool) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.late = False
        self.clock = FakeClock()
        self.manager = Manager.open(
            config=Config(
                home=Path(self._folder.name),
                worker_timeout=timedelta(minutes=1 if workers_time_out else 0),
            ),
            clock=lambda: self.clock() + timedelta(hours=self.late),
            monotonic=self.clock.monotonic,
        )
        self.manager._db.execute("PRAGMA synchronous = OFF")
        self.submitted: list[str] = []
        self.tag = self.manager.create_tag(WorkerTag(name="fast"), actor=MANAGER).id or ""

    def teardown(self) -> None:
        self.manager.close()
        self._folder.cleanup()

    @rule(target=workers, kinds=st.sets(st.sampled_from(TYPES), min_size=1))
    def start_worker(self, kinds: set[str]) -> str:
        return awake_worker(self.manager, *kinds)

    @rule(target=jobs, data=st.data(), priority=st.integers(0, 100))
    def submit(self, data: st.DataObject, priority: int) -> str:
        size = data.draw(st.integers(1, 6))
        tasks = [
            compiled_task(
                f"task-{index}",
                task_type=data.draw(st.sampled_from(TYPES)),
                depends_on=sorted(data.draw(st.sets(st.integers(0, index - 1)))) if index else [],
            )
            for index in range(size)
        ]
        status = data.draw(st.sampled_from([JobStatus.QUEUED, JobStatus.PAUSED]))
        job = store(self.manager, compiled_job(tasks, priority=priority, status=status))
        self.submitted.append(job)
        return job

    @rule(target=hand_outs, worker=workers)
    def hand_out(self, worker: str) -> Any:
        if not self.is_awake(worker):
            return self.ask_although_not_awake(worker)
        is_idle = not self.holds(worker)
        fitting = {job for job in self.submitted if self.nothing_against(worker, job)}
        planned = [plan.task.name for plan in self.manager.plan([worker])]
        task = take_or_none(self.manager, worker)
        if is_idle:
            assert (task is not None) == bool(fitting)
            assert task is None or task.job in fitting
            assert planned == ([task.name] if task else [])
        return (worker, task) if task else multiple()

    @rule(target=hand_outs, worker=workers)
    def prefetch(self, worker: str) -> Any:
        if not self.is_awake(worker):
            return self.ask_although_not_awake(worker)
        task = self.manager.next_task(worker, TaskRequest(prefetch=True))
        return (worker, task) if isinstance(task, AssignedTask) else multiple()

    @rule()
    def let_reservations_expire(self) -> None:
        self.late = True
        self.manager.release_expired()
        self.late = False

    def is_awake(self, worker: str) -> bool:
        query = """SELECT 1 FROM workers WHERE uuid = ? AND status = 'awake'
                   AND status_requested IS NULL AND deleted_at IS NULL"""
        return self.manager._db.execute(query, [worker]).fetchone() is not None

    def ask_although_not_awake(self, worker: str) -> Any:
        """A lost worker is found again by this, others are sent away."""
        with contextlib.suppress(Conflict, NotFound):
            task = self.manager.next_task(worker)
            if isinstance(task, AssignedTask):
                return worker, task
        return multiple()

    def holds(self, worker: str) -> bool:
        query = """SELECT 1 FROM tasks t JOIN workers w ON w.id = t.worker_id
                   WHERE w.uuid = ? AND (t.status = 'active' OR t.reserved_until IS NOT NULL)"""
        return self.manager._db.execute(query, [worker]).fetchone() is not None

    def nothing_against(self, worker: str, job: str) -> bool:
        return any(not kind.reasons for kind in self.manager.why_not(worker, job))

    @rule(
        hand_out=hand_outs,
        status=st.sampled_from([TaskStatus.ACTIVE, TaskStatus.COMPLETED, TaskStatus.FAILED]),
    )
    def report(self, hand_out: tuple[str, AssignedTask], status: TaskStatus) -> None:
        with contextlib.suppress(NotFound):
            report(self.manager, *hand_out, status, log="line")

    @rule(worker=workers)
    def come_back(self, worker: str) -> None:
        if not self.exists(worker):
            return
        self.manager.sign_off(worker)
        sign_on = WorkerSignOn(
            name="again", supported_task_types=[*TYPES], software_version="1", can_restart=False
        )
        self.manager.sign_on(worker, sign_on, address="")
        self.manager.worker_state_changed(worker, WorkerStatus.AWAKE)

    @rule(job=jobs, status=st.sampled_from(sorted(REQUESTABLE_JOB_STATUSES)))
    def ask_job(self, job: str, status: JobStatus) -> None:
        change = JobStatusChange(status=status, reason="test")
        with contextlib.suppress(Conflict, NotFound):
            self.manager.set_job_status(job, change, actor=MANAGER)

    @rule(job=jobs, data=st.data(), status=st.sampled_from(sorted(REQUESTABLE_TASK_STATUSES)))
    def ask_task(self, job: str, data: st.DataObject, status: TaskStatus) -> None:
        tasks = [] if self.is_gone(job) else [task.id for task in self.manager.tasks(job)]
        if not tasks:
            return
        task = data.draw(st.sampled_from(tasks))
        change = TaskStatusChange(
            status=status, reason="test", with_dependants=data.draw(st.booleans())
        )
        with contextlib.suppress(Conflict):
            self.manager.set_task_status(task, change, actor=MANAGER)

    @rule(job=jobs, priority=st.integers(0, 100))
    def change_priority(self, job: str, priority: int) -> None:
        with contextlib.suppress(Conflict, NotFound):
            self.manager.set_job_priority(job, JobPriorityChange(priority=priority), actor=MANAGER)

    @rule()
    def hear_nothing_for_long(self) -> None:
        self.clock.advance(timedelta(hours=1))
        while self.manager.check_timeouts():
            pass

    @rule(worker=workers, action=st.sampled_from(WorkerAction), is_lazy=st.booleans())
    def ask_worker(self, worker: str, action: WorkerAction, is_lazy: bool) -> None:
        with contextlib.suppress(Conflict, NotFound):
            self.manager.ask_worker(worker, action, is_lazy=is_lazy, actor=MANAGER)

    @rule(worker=workers)
    def obey(self, worker: str) -> None:
        with contextlib.suppress(NotFound):
            wanted = self.manager.worker_state(worker)
            if wanted in (WorkerStatus.AWAKE, WorkerStatus.ASLEEP):
                self.manager.worker_state_changed(worker, wanted)

    @rule(worker=workers, has_tag=st.booleans())
    def tag_worker(self, worker: str, has_tag: bool) -> None:
        change = WorkerTagChangeRequest(tag_ids=[self.tag] if has_tag else [])
        with contextlib.suppress(NotFound):
            self.manager.set_worker_tags(worker, change, actor=MANAGER)

    @rule(job=jobs, has_tag=st.booleans())
    def tag_job(self, job: str, has_tag: bool) -> None:
        change = JobTagChange(id=self.tag) if has_tag else JobTagChange()
        with contextlib.suppress(Conflict, NotFound):
            self.manager.set_job_tag(job, change, actor=MANAGER)

    @rule(job=jobs)
    def requeue_failed(self, job: str) -> None:
        with contextlib.suppress(Conflict, NotFound):
            self.manager.requeue_failed_tasks(job, actor=MANAGER)

    @rule(job=jobs)
    def archive(self, job: str) -> None:
        with contextlib.suppress(Conflict, NotFound):
            self.manager.archive_job(job, actor=MANAGER)

    @rule(job=jobs)
    def delete(self, job: str) -> None:
        with contextlib.suppress(NotFound):
            self.manager.delete_job(job, actor=MANAGER)

    @rule(job=jobs, size=st.integers(1, 3))
    def replace(self, job: str, size: int) -> None:
        """As a job that is compiled again is, by another one."""
        new = compiled_job(size)
        [store_all] = self.manager.storing(new, replaces=job, actor=MANAGER)
        with contextlib.suppress(Conflict, NotFound):
            store_all()
            assert self.manager.job(job).status is JobStatus.QUEUED
            self.submitted.append(new.id)

    @rule()
    def remove_a_piece(self) -> None:
        for removal_id in self.manager.removals(limit=1):
            self.manager.go_on_removing(removal_id)

    @rule()
    def finish_removals(self) -> None:
        self.manager.finish_removals()
        for job in self.submitted:
            assert self.is_gone(job) or self.manager.job(job).delete_requested_at is None

    def exists(self, worker: str) -> bool:
        query = "SELECT 1 FROM workers WHERE uuid = ? AND deleted_at IS NULL"
        return self.manager._db.execute(query, [worker]).fetchone() is not None

    def is_gone(self, job: str) -> bool:
        query = "SELECT 1 FROM jobs WHERE uuid = ?"
        return self.manager._db.execute(query, [job]).fetchone() is None

    @invariant()
    def the_farm_adds_up(self) -> None:
        assert self.manager.check() == []

    @invariant()
    def no_job_is_stuck(self) -> None:
        self.submitted = [job for job in self.submitted if not self.is_gone(job)]
        for job_id in self.submitted:
            job = self.manager.job(job_id)
            if job.delete_requested_at is not None:
                assert self.manager.removals() or self.manager.file_work(limit=1)
                continue
            counts = job.task_counts or {}
            if job.status in FINAL_JOB_STATUSES:
                left = set(counts) & {"active", "queued", "soft-failed", "paused"}
                assert not left, f"job is {job.status} with {counts}"
            elif job.status in (JobStatus.QUEUED, JobStatus.ACTIVE):
                assert counts.get("active") or self.can_go_on(job_id), f"{job.status} with {counts}"
            elif job.status is JobStatus.PAUSE_REQUESTED:
                assert counts.get("active")
            else:
                assert job.status is JobStatus.PAUSED, job.status
                assert not counts.get("active")

    def can_go_on(self, job_id: str) -> bool:
        """Whether a task of the job can be handed out, or is reserved."""
        query = """SELECT sum(q.ready_count) > 0 OR EXISTS (
                       SELECT 1 FROM tasks t WHERE t.job_id = j.id AND t.reserved_until > 0)
                   FROM job_queues q JOIN jobs j ON j.id = q.job_id
                   WHERE j.uuid = ? AND q.is_open = 1"""
        return bool(self.manager._db.execute(query, [job_id]).fetchone()[0])


TestFarm = Farm.TestCase
TestFarm.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
