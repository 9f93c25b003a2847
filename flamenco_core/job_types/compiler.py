"""Turns a submitted job into tasks, by running its job type's script in this process.

A Manager that serves others uses `compile_process`, which does the same in a helper process that
can be ended; here nothing ends a script that never returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from flamenco_core.device_wishes import DEVICE_KEY, device_of_job
from flamenco_core.errors import (
    CompileError,
    FlamencoError,
    InvalidInput,
    Problem,
    WrongEtag,
    one_problem,
)
from flamenco_core.job_types.authoring import (
    AuthoredCommand,
    AuthoredJob,
    AuthoredTask,
    JobSettings,
)
from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.job_types.json_values import plain_object
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.job_types.python_script import describe_exception, place_in_script
from flamenco_core.job_types.script import LoadedJobType
from flamenco_core.job_types.setting import filled_in_settings, nearest_name
from flamenco_core.job_types.stand_ins import STAND_IN, of_other_settings, stand_ins
from flamenco_core.job_types.submission_checks import MANAGER_PLATFORM, general_problems
from flamenco_core.model import AvailableJobSetting, Command, SubmittedJob
from flamenco_core.paths import this_platform
from flamenco_core.requirements import requirement_problem
from flamenco_core.rna_overrides import checked_overrides
from flamenco_core.statuses import JobStatus
from flamenco_core.time_limits import PARAMETER, limits_of_job
from flamenco_core.warm_rendering import COMMAND as RENDER_COMMAND
from flamenco_core.warm_rendering import PARAMETER as WARM_PARAMETER
from flamenco_core.warm_rendering import warm_by_metadata

TASK_TYPES = frozenset({"blender", "ffmpeg", "file-management", "misc"})
"""The task types that workers of every farm know."""

FIRST_STATUSES = frozenset({JobStatus.QUEUED, JobStatus.PAUSED})
"""What a submission may ask for as the status of the new job."""

_MAX_PROBLEMS = 20
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INT32_HIGHEST = 2**31 - 1


def compile_job(
    library: JobTypeLibrary,
    submitted: SubmittedJob,
    *,
    job_id: str,
    created: datetime,
    new_id: Callable[[], str],
    when_run: Callable[[], None] = lambda: None,
) -> CompiledJob:
    """Checks a submission against its job type, and makes its tasks.

    `created` is aware; `new_id` gives the tasks their ids. `when_run` is called when the script has
    done its part, and what it has made is to be checked.

    Raises:
        NotFound: there is no such job type, or it is broken.
        WrongEtag: the submitter knows another version of it.
        InvalidInput: settings are wrong; all are named.
        CompileError: the script refused or failed, or what it made is no good.
    """
    job_type = library.load(submitted.type)
    _check_etag(job_type, submitted)
    try:
        job, overrides = _job_to_author(job_type, submitted, job_id, created)
    except InvalidInput as error:
        more = _found_by_script(job_type, submitted, error, job_id, created)
        if not more:
            raise
        raise InvalidInput(error.message, problems=[*error.problems, *more]) from error
    job = _run(job_type, job)
    when_run()
    try:
        compiled = _Collector(job_type, job, submitted, new_id).collect()
        return replace(compiled, rna_overrides=overrides)
    except (FlamencoError, MemoryError):
        raise
    except Exception as error:
        # Python checks no types: a script may have put anything anywhere.
        problem = Problem(str(job_type.path), f"made tasks that cannot be read: {error!r}")
        raise CompileError(f"The job type “{job.type}” failed", problems=[problem]) from error


def _check_etag(job_type: LoadedJobType, submitted: SubmittedJob) -> None:
    if submitted.type_etag and submitted.type_etag != job_type.available.etag:
        what = f"the job type “{submitted.type}” has changed since you last fetched it"
        problem = Problem("type_etag", what, "refresh the job types, check the settings, submit")
        raise WrongEtag("The job type has changed", problems=[problem])


def _job_to_author(
    job_type: LoadedJobType, submitted: SubmittedJob, job_id: str, created: datetime
) -> tuple[AuthoredJob, list[str]]:
    """The job for the script, and its RNA overrides."""
    status = submitted.initial_status
    if status is not None and status not in FIRST_STATUSES:
        hint = f"use {' or '.join(sorted(FIRST_STATUSES))}"
        raise one_problem("initial_status", f"a job cannot start out as {status}", hint)
    definitions = job_type.available.settings
    settings, overrides = _checked(definitions, submitted)
    platform = submitted.submitter_platform
    job = AuthoredJob(
        id=job_id,
        name=submitted.name,
        type=submitted.type,
        priority=submitted.priority,
        created=created,
        settings=JobSettings(settings, [definition.key for definition in definitions]),
        metadata=dict(submitted.metadata),
        storage=submitted.storage,
        submitter_platform=this_platform() if platform == MANAGER_PLATFORM else platform,
        worker_tag=submitted.worker_tag,
    )
    return job, overrides


def _checked(
    definitions: Sequence[AvailableJobSetting], submitted: SubmittedJob
) -> tuple[dict[str, Any], list[str]]:
    """Settings and RNA overrides; raises `InvalidInput` with all that is wrong."""
    refusals: list[InvalidInput] = []
    settings: dict[str, Any] = {}
    overrides: list[str] = []
    if problems := list(general_problems(submitted)):
        refusals.append(InvalidInput("This job cannot be taken", problems=problems))
    try:
        settings = filled_in_settings(definitions, submitted.settings)
    except InvalidInput as error:
        refusals.append(error)
    try:
        overrides = checked_overrides(submitted.rna_overrides or [])
    except InvalidInput as error:
        refusals.append(error)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        everything = [problem for refusal in refusals for problem in refusal.problems]
        raise InvalidInput(refusals[0].message, problems=everything)
    return settings, overrides


def _found_by_script(
    job_type: LoadedJobType,
    submitted: SubmittedJob,
    refusal: InvalidInput,
    job_id: str,
    created: datetime,
) -> list[Problem]:
    """What the script would refuse too, if only texts are missing that something can stand for."""
    definitions = job_type.available.settings
    stood_in = stand_ins(definitions, submitted.settings, refusal.problems)
    if stood_in is None:
        return []
    complete = replace(
        submitted,
        name=submitted.name.strip() or STAND_IN,
        submitter_platform=MANAGER_PLATFORM,
        settings={**submitted.settings, **stood_in},
        initial_status=None,
        rna_overrides=None,
    )
    try:
        job, _ = _job_to_author(job_type, complete, job_id, created)
        _run(job_type, job)
    except FlamencoError as error:
        return of_other_settings(error.problems, stood_in)
    return []


def _run(job_type: LoadedJobType, job: AuthoredJob) -> AuthoredJob:
    """The job with its tasks."""
    try:
        made = job_type.compile_job(job)
        return made if isinstance(made, AuthoredJob) else job
    except MemoryError:
        raise
    except InvalidInput as error:
        problems = [_at_setting(problem, job) for problem in error.problems]
        if not problems:
            problems = [Problem(place_in_script(error, job_type.path), error.message)]
        raise CompileError(
            f"The job type “{job.type}” cannot make this job", problems=problems
        ) from error
    except (Exception, SystemExit) as error:
        problem = Problem(place_in_script(error, job_type.path), describe_exception(error))
        raise CompileError(f"The job type “{job.type}” failed", problems=[problem]) from error


def _at_setting(problem: Problem, job: AuthoredJob) -> Problem:
    """Frame ranges and the like name the place `frames`, as the setting is mostly called."""
    if problem.where in job.settings:
        return Problem(f"settings.{problem.where}", problem.what, problem.hint)
    return problem


class _Collector:
    """Checks what a script has made, and takes it over; the script's objects are not kept."""

    def __init__(
        self,
        job_type: LoadedJobType,
        job: AuthoredJob,
        submitted: SubmittedJob,
        new_id: Callable[[], str],
    ) -> None:
        self._job = job
        self._submitted = submitted
        self._new_id = new_id
        self._task_types = TASK_TYPES | job_type.task_types
        self._lenient = job_type.written_for_flamenco_3
        self._ids: set[str] = set()
        self._device = device_of_job(submitted.metadata)
        self._positions = {id(task): position for position, task in enumerate(job.tasks)}
        self._problems: list[Problem] = []

    def collect(self) -> CompiledJob:
        job = self._job
        if not job.tasks:
            self._blame("tasks", "the job type made no tasks for this job")
        if strange := [task for task in job.tasks if not isinstance(task, AuthoredTask)]:
            what = f"holds {type(strange[0]).__name__} objects"
            problem = Problem("tasks", what, "make tasks with job.task(…)")
            raise CompileError("The job type made something other than tasks", problems=[problem])
        tasks = [self._task(task, position) for position, task in enumerate(job.tasks)]
        settings = plain_object(job.settings, "settings", self._problems)
        metadata = self._metadata(job.metadata)
        self._blame_cycles(tasks)
        if self._problems:
            raise CompileError(
                f"The job type “{job.type}” made a job that cannot be run",
                problems=_first(self._problems),
            )
        return CompiledJob(
            id=job.id,
            name=job.name,
            type=job.type,
            priority=job.priority,
            status=self._submitted.initial_status or JobStatus.QUEUED,
            settings=settings,
            metadata=metadata,
            submitter_platform=job.submitter_platform,
            storage=job.storage,
            worker_tag=job.worker_tag,
            created=job.created,
            tasks=tasks,
        )

    def _task(self, task: AuthoredTask, position: int) -> CompiledTask:
        where = _task_place(task, position)
        name = self._text(task.name, where, "name")
        kind = self._text(task.type, where, "task type")
        if kind and kind not in self._task_types and not self._lenient:
            hint = nearest_name(kind, self._task_types)
            self._blame(where, f"its task type “{kind}” is unknown", hint)
        if not _is_whole(task.priority) or abs(task.priority) > _INT32_HIGHEST:
            self._blame(where, f"its priority is {task.priority!r}", "use a whole number")
        if not task.commands and not self._lenient:
            self._blame(where, "has no commands", "give it one with task.command(…)")
        commands = [
            self._command(command, f"{where}, command {number}")
            for number, command in enumerate(task.commands, start=1)
        ]
        return CompiledTask(
            id=self._id(task, where),
            name=name,
            type=kind,
            priority=task.priority,
            commands=commands,
            depends_on=self._dependencies(task, where),
            requirements=self._requirements(task, where),
            steps_total=sum(max(1, command.total_step_count) for command in commands),
        )

    def _requirements(self, task: AuthoredTask, where: str) -> dict[str, str]:
        requirements = {str(key): str(value) for key, value in task.requirements.items()}
        renders = any(command.name == RENDER_COMMAND for command in task.commands)
        if self._device is not None and renders:
            requirements.setdefault(DEVICE_KEY, self._device.kind)
        for key, value in requirements.items():
            if problem := requirement_problem(value):
                self._blame(where, f"its requirement {key!r} {problem}")
        return requirements

    def _id(self, task: AuthoredTask, where: str) -> str:
        task_id = task.id or self._new_id()
        if task_id in self._ids:
            self._blame(where, "was added to the job twice")
        elif task.id and not _UUID.fullmatch(str(task_id)):
            self._blame(where, f"its id is {task_id!r}", "use a UUID, or leave it as it was made")
        self._ids.add(task_id)
        return task_id

    def _command(self, command: AuthoredCommand, where: str) -> Command:
        name = self._text(command.name, where, "name")
        where = f"{where} ({name})" if name else where
        authored: object = command.parameters
        parameters: dict[str, Any] = {}
        if not isinstance(authored, Mapping):
            kind = type(authored).__name__
            self._blame(where, f"its parameters are of type {kind}", "write them as a dict")
        elif not authored:
            self._blame(where, "has no parameters", "say what it is to work on")
        else:
            parameters = plain_object(authored, f"{where}, parameters", self._problems)
            if limits := limits_of_job(self._submitted.metadata):
                own = parameters.get(PARAMETER)
                parameters[PARAMETER] = {**(own if isinstance(own, dict) else {}), **limits}
            is_warm = warm_by_metadata(self._submitted.metadata)
            if is_warm is not None and name == RENDER_COMMAND:
                parameters[WARM_PARAMETER] = is_warm
            if self._device is not None and name == RENDER_COMMAND:
                parameters[DEVICE_KEY] = str(self._device)
        steps = command.total_step_count
        if not _is_whole(steps) or not 0 <= steps <= _INT32_HIGHEST:
            self._blame(where, f"its step count is {steps!r}", "use a whole number from 0 upwards")
            steps = 0
        return Command(name=name, parameters=parameters, total_step_count=steps)

    def _dependencies(self, task: AuthoredTask, where: str) -> list[int]:
        positions: set[int] = set()
        for other in task.dependencies:
            position = self._positions.get(id(other))
            if position is None:
                name = getattr(other, "name", repr(other))
                self._blame(where, f"depends on “{name}”, which is no task of this job")
            else:
                positions.add(position)
        return sorted(positions)

    def _text(self, value: object, where: str, what: str) -> str:
        """The text without blanks around it; complains if there is nothing left."""
        if isinstance(value, str) and value.strip():
            return value.strip()
        self._blame(where, f"its {what} is {'empty' if value == '' else repr(value)}", "give one")
        return ""

    def _metadata(self, metadata: Mapping[str, object]) -> dict[str, str]:
        plain = plain_object(metadata, "metadata", self._problems)
        for key, value in plain.items():
            if not isinstance(value, str):
                self._blame(f"metadata.{key}", "is not text")
        return plain

    def _blame_cycles(self, tasks: list[CompiledTask]) -> None:
        graph = {position: task.depends_on for position, task in enumerate(tasks)}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            ring: list[int] = error.args[1]
            names = " → ".join(f"“{tasks[position].name}”" for position in _shortened(ring))
            where = _task_place(self._job.tasks[ring[0]], ring[0])
            self._blame(where, f"these tasks wait for each other in a circle: {names}")

    def _blame(self, where: str, what: str, hint: str = "") -> None:
        self._problems.append(Problem(where, what, hint))


def _task_place(task: AuthoredTask, position: int) -> str:
    return f"tasks[{position}] ({task.name})"


def _shortened(ring: list[int]) -> Iterator[int]:
    """The ring's tasks; of a long ring its beginning and its end."""
    yield from ring if len(ring) <= 10 else [*ring[:6], *ring[-3:]]


def _first(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= _MAX_PROBLEMS:
        return problems
    rest = f"and {len(problems) - _MAX_PROBLEMS} more problems"
    return [*problems[:_MAX_PROBLEMS], Problem("tasks", rest)]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
