"""A studio's farm as pages show it: 60 workers, 40 jobs in all statuses, one of 10,000 tasks.

It is filled through the façade before its Manager starts, which takes a few seconds. Everything
goes the way of real work (hand-outs, reports, actions), so that all counters are right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flamenco_core.config import Config
from flamenco_core.job_types.compiled import CompiledTask
from flamenco_core.manager import Actor, Manager
from flamenco_core.model import (
    AssignedTask,
    Command,
    TaskRequest,
    TaskStatistics,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
    WorkerSleepSchedule,
    WorkerTag,
    WorkerTagChangeRequest,
)
from flamenco_core.model.action_requests import JobActionRequest
from flamenco_core.model.actions import JobAction
from flamenco_core.statuses import TaskStatus, WorkerStatus
from tests.flamenco_core.farms import compiled_job, compiled_task

WORKERS = 60
JOBS = 40
MANY_TASKS = 10_000
LARGE_JOB = "010_0420-anim.lighting – final, 10,000 frames"
SECRET = "correct horse battery staple"

_ANA, _BEN = Actor.person("ana"), Actor.person("ben.lindqvist")
_SHOTS = ("010_0030", "010_0050", "020_0010", "020_0040_A", "030_0110", "040_0020", "050_0070")
_WORK = ("anim", "lighting", "fx.smoke", "previz", "comp", "layout")
_PROJECTS = ("Sprite Fright", "Charge", "Agent 327")


@dataclass
class Studio:
    """What is on the farm, by what tests look for."""

    workers: dict[str, str] = field(default_factory=dict)
    """Name → UUID; the secret of each is `SECRET`."""
    jobs: dict[str, str] = field(default_factory=dict)
    """Name → UUID."""
    statuses: dict[str, list[str]] = field(default_factory=dict)
    """What was made of jobs ("completed", "failed", "archived" …) → their names."""

    @property
    def large_job(self) -> str:
        return self.jobs[LARGE_JOB]


def fill(home: Path, *, many_tasks: int = MANY_TASKS, jobs: int = JOBS) -> Studio:
    """Fills the farm of a Manager that is not running."""
    config = Config(home=home)
    with Manager.open(config.database_file, config=config) as manager:
        return _Filling(manager, jobs).fill(many_tasks)


class _Filling:
    def __init__(self, manager: Manager, jobs: int) -> None:
        self._manager = manager
        self._jobs = jobs
        self._studio = Studio()
        self._random = random.Random(7)
        self._awake: list[str] = []

    def fill(self, many_tasks: int) -> Studio:
        with self._manager.unit_of_work():
            self._add_workers()
            self._add_tags()
        # Each is carried through before there is another one with work to hand out.
        ended = ["completed"] * 12 + ["failed"] * 3 + ["canceled"] * 3 + ["archived"] * 4
        for number, outcome in enumerate(ended):
            with self._manager.unit_of_work():
                job = self._add_job(number, outcome, tasks=12)
            getattr(self, f"_{outcome}")(job)
        self._settle()
        under_way = ["active"] * 6 + ["paused"] * 3
        under_way += ["queued"] * (self._jobs - 1 - len(ended) - len(under_way))
        with self._manager.unit_of_work():
            large = self._add(LARGE_JOB, many_tasks, "active", priority=90)
            self._work(many_tasks * 37 // 100)
            self._leave_running(18)
        for number, outcome in enumerate(under_way, start=len(ended)):
            with self._manager.unit_of_work():
                # Above the large one, so that it gets the workers that are free.
                is_active = outcome == "active"
                job = self._add_job(number, outcome, tasks=48, priority=95 if is_active else 50)
                if is_active:
                    self._work(5 + 6 * (number % 6))
                    self._leave_running(3)
                    self._act(job, JobAction.SET_PRIORITY, priority=60 + number % 5)
                elif outcome == "paused":
                    self._act(job, JobAction.PAUSE)
        self._settle()
        assert large
        return self._studio

    def _add_workers(self) -> None:
        for number in range(WORKERS):
            rack = ("gpu", "cpu", "desk")[number % 3]
            name = f"{rack}-render-{number + 1:02d}.studio.lan"
            worker = self._register(name, rack)
            self._studio.workers[name] = worker
            kind = number % 15
            if kind == 14:
                continue  # signed on, and not ready yet
            status = {13: WorkerStatus.ASLEEP, 12: WorkerStatus.ERROR}.get(kind, WorkerStatus.AWAKE)
            if status is WorkerStatus.ASLEEP and number > 30:
                self._manager.sign_off(worker)
                continue
            self._manager.worker_state_changed(worker, status)
            if status is WorkerStatus.AWAKE:
                self._awake.append(worker)

    def _register(self, name: str, rack: str) -> str:
        types = ["blender", "ffmpeg", "file-management", "misc"]
        registration = WorkerRegistration(
            name=name, secret=SECRET, platform="linux", supported_task_types=types
        )
        worker = self._manager.register_worker(registration, address="10.0.0.7").uuid
        sign_on = WorkerSignOn(
            name=name,
            supported_task_types=types,
            software_version="1.4.2",
            can_restart=rack != "desk",
            capabilities={"device": "OPTIX" if rack == "gpu" else "CPU", "blender": "4.5.2"},
        )
        self._manager.sign_on(worker, sign_on, address="10.0.0.7")
        return worker

    def _add_tags(self) -> None:
        tags = {
            name: self._manager.create_tag(WorkerTag(name=name, description=text), actor=_ANA)
            for name, text in {
                "gpu": "Machines with OptiX cards",
                "render-room": "Racks in the render room, always on",
                "desks": "Artists’ machines; nights and weekends only",
            }.items()
        }
        for name, worker in self._studio.workers.items():
            racks = {"gpu": ["gpu", "render-room"], "cpu": ["render-room"]}
            chosen = racks.get(name[:3], ["desks"])
            ids = [str(tags[each].id) for each in chosen]
            self._manager.set_worker_tags(worker, WorkerTagChangeRequest(tag_ids=ids), actor=_ANA)
            if chosen == ["desks"]:
                nights = WorkerSleepSchedule(
                    is_active=False,
                    days_of_week="mo tu we th fr",
                    start_time="08:00",
                    end_time="19:00",
                )
                self._manager.set_sleep_schedule(worker, nights, actor=_ANA)

    def _add_job(self, number: int, outcome: str, *, tasks: int, priority: int = 50) -> str:
        shot, work = _SHOTS[number % len(_SHOTS)], _WORK[number % len(_WORK)]
        return self._add(f"{shot}-{work} v{number + 1:03d}", tasks, outcome, priority=priority)

    def _add(self, name: str, frames: int, outcome: str, *, priority: int) -> str:
        project = _PROJECTS[len(self._studio.jobs) % len(_PROJECTS)]
        job = replace(
            compiled_job([*_frames(name, frames)], priority=priority),
            name=name,
            settings={
                "blendfile": f"{{jobs}}/{project}/shots/{name}.blend",
                "frames": f"1-{frames}",
                "chunk_size": 1,
                "fps": 24,
                "render_output_path": f"{{render}}/{project}/{name}/######",
                "image_file_extension": ".png",
            },
            metadata={"project": project, "user.name": "ana", "department": name.split("-")[1][:4]},
        )
        for step in self._manager.storing(job, actor=_ANA if frames % 5 else _BEN):
            step()
        self._studio.jobs[name] = job.id
        self._studio.statuses.setdefault(outcome, []).append(name)
        return job.id

    def _completed(self, _job: str) -> None:
        with self._manager.unit_of_work():
            self._work(10_000)

    def _archived(self, job: str) -> None:
        self._completed(job)
        self._act(job, JobAction.ARCHIVE)

    def _canceled(self, job: str) -> None:
        with self._manager.unit_of_work():
            self._work(4)
        self._act(job, JobAction.CANCEL)
        self._settle()

    def _failed(self, job: str) -> None:
        with self._manager.unit_of_work():
            self._work(3)
        attempts = 0
        while self._manager.job(job).status.value != "failed":
            assert (attempts := attempts + 1) < 50, "the job does not fail"
            with self._manager.unit_of_work():
                for worker in self._awake[:8]:
                    if (task := self._take(worker)) is not None:
                        self._fail(worker, task)
            self._settle()

    def _work(self, count: int) -> None:
        """Lets workers complete so many tasks, or all there are."""
        for number in range(count):
            worker = self._awake[number % len(self._awake)]
            task = self._take(worker)
            if task is None:
                return
            seconds = 38 + 9 * self._random.random() + 20 * (number % 97 == 3)
            samples = TaskStatistics(
                run_seconds=seconds + 2,
                load_seconds=1.4,
                render_seconds=seconds,
                save_seconds=0.4,
                peak_memory=int((2.1 + self._random.random()) * 1e9),
                samples=256,
                output_files=[_output_of(task)],
            )
            self._report(worker, task, TaskStatus.ACTIVE, log=_log_of(task))
            self._report(worker, task, TaskStatus.COMPLETED, statistics=samples)

    def _leave_running(self, count: int) -> None:
        """Tasks that workers go on with; these workers take nothing more."""
        for _ in range(count):
            worker = self._awake.pop()
            if (task := self._take(worker)) is not None:
                activity = "Fra:117 Mem:2134.21M | Scene, ViewLayer | Sample 96/256"
                log = _log_of(task)
                self._report(worker, task, TaskStatus.ACTIVE, log=log, activity=activity)

    def _take(self, worker: str) -> AssignedTask | None:
        task = self._manager.next_task(worker, TaskRequest())
        return task if isinstance(task, AssignedTask) else None

    def _fail(self, worker: str, task: AssignedTask) -> None:
        log = _log_of(task) + "Error: Out of memory in CUDA queue enqueue (integrator_shade)\n"
        self._report(worker, task, TaskStatus.FAILED, log=log)

    def _report(
        self,
        worker: str,
        task: AssignedTask,
        status: TaskStatus,
        *,
        log: str | None = None,
        activity: str | None = None,
        statistics: TaskStatistics | None = None,
    ) -> None:
        update = TaskUpdate(
            taskStatus=status,
            attempt=task.attempt,
            log=log,
            activity=activity,
            statistics=statistics,
            steps_completed=1 if status is TaskStatus.COMPLETED else None,
        )
        self._manager.update_task(worker, task.uuid, update)

    def _act(self, job: str, action: JobAction, *, priority: int | None = None) -> None:
        request = JobActionRequest(action=action, priority=priority)
        self._manager.act_on_job(job, request, actor=_BEN)

    def _settle(self) -> None:
        while unsettled := self._manager.unsettled_jobs():
            for job in unsettled:
                self._manager.settle(job)


def _frames(name: str, count: int) -> Iterator[CompiledTask]:
    for frame in range(1, count + 1):
        arguments: Sequence[str] = (
            *("--render-output", f"/render/{name}/######"),
            *("--render-format", "PNG", "--render-frame", str(frame)),
        )
        parameters = {
            "exe": "{blender}",
            "exeArgs": "{blenderArgs}",
            "blendfile": f"{{jobs}}/{name}.blend",
            "args": [*arguments],
        }
        command = Command(name="blender-render", parameters=parameters, total_step_count=1)
        yield replace(compiled_task(f"render-{frame}"), commands=[command])


def _output_of(task: AssignedTask) -> str:
    """The file that a frame is written to."""
    job, frame = task.job, int(task.name.removeprefix("render-"))
    return f"/render/{job}/{frame:06d}.png"


def _log_of(task: AssignedTask) -> str:
    return (
        f"2026-11-22T08:00:01Z [info] Task {task.name}: starting blender-render\n"
        f"Blender 4.5.2 LTS (hash 8cb9f0ab0bd5 built 2026-08-19)\n"
        "Read blend: /jobs/shot.blend\n"
        "Fra:1 Mem:812.45M (Peak 1204.11M) | Time:00:04.31 | Syncing Sprite_body\n"
        "Fra:1 Mem:2134.21M (Peak 2388.02M) | Time:00:12.87 | Sample 64/256\n"
    )
