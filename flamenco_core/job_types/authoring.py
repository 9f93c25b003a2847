"""What the script of a job type in Python works with.

Such a script is a module with a `JOB_TYPE` and a `compile_job`:

    from flamenco_core.job_types.authoring import AuthoredJob, JobType, Setting

    JOB_TYPE = JobType(
        label="Say it often",
        settings=[
            Setting("message", "string", required=True),
            Setting("times", "int32", default=3, propargs={"min": 1}),
        ],
    )

    def compile_job(job: AuthoredJob) -> None:
        for _ in range(job.settings.times):
            job.task("say", type="misc").command("echo", {"message": job.settings.message})

The name of its file is the name of the job type, with `-` for `_`. Each compilation runs the
whole script afresh, so nothing carries over from one job to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from flamenco_core.errors import CompileError, Problem
from flamenco_core.job_types.setting import nearest_name
from flamenco_core.model import DEFAULT_PRIORITY, JobStorageInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalInfo:
    """How the add-on offers a setting that Blender can fill in by itself."""

    show_link_button: bool = False
    """Whether there is a switch "take the value from Blender when submitting"."""
    description: str = ""
    """Where the value comes from, such as "Scene frame range"."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a person, or Blender, fills in for a job."""

    key: str
    """Letters, digits and underscores; how the script and the API name the setting."""
    type: str
    """`string`, `int32`, `float` or `bool`."""
    _: KW_ONLY
    subtype: str | None = None
    """For strings: `file_path`, `dir_path`, `file_name` or `hashed_file_path`."""
    choices: Sequence[str] | None = None
    """For strings: the only values that are allowed."""
    propargs: Mapping[str, Any] | None = None
    """More arguments for the property in Blender; `min` and `max` are checked here too."""
    description: str | None = None
    label: str | None = None
    """What people see; the default is made of the key."""
    default: Any = None
    """Used where a submission leaves the setting out."""
    eval: str | None = None
    """A Python expression for the add-on to find the value in Blender. It may use `bpy`, `C`
    (the context), `jobname`, `Path`, `abspath(path)`, `last_n_dir_parts(n, file=None)` and
    `settings`, and nothing else."""
    eval_info: EvalInfo | None = None
    visible: str | None = None
    """Where it is shown: `visible` (everywhere), `hidden`, `submission` or `web`."""
    required: bool | None = None
    editable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """What the Manager tells others about a job type."""

    label: str
    description: str | None = None
    settings: Sequence[Setting] = ()
    task_types: Sequence[str] = ()
    """Task types of this farm's own that the tasks use, beside those every worker knows."""


@dataclass(eq=False, slots=True)
class AuthoredCommand:
    """One thing that a worker does as part of a task."""

    name: str
    parameters: Mapping[str, Any]
    total_step_count: int


@dataclass(eq=False, slots=True)
class AuthoredTask:
    """A task in the making; `AuthoredJob.task` starts one."""

    name: str
    type: str
    priority: int
    commands: list[AuthoredCommand] = field(default_factory=list)
    dependencies: list[AuthoredTask] = field(default_factory=list)
    requirements: dict[str, str] = field(default_factory=dict)
    id: str = ""
    """UUID text, where the script needs to know it; empty for any."""

    def command(
        self, name: str, parameters: Mapping[str, Any], total_step_count: int = 0
    ) -> AuthoredTask:
        """Adds a command to be run after those already there; returns the task.

        `total_step_count` is how many steps of progress it reports (frames, mostly); zero if it
        reports none.
        """
        self.commands.append(AuthoredCommand(name, parameters, total_step_count))
        return self

    def requires(self, key: str, value: str) -> AuthoredTask:
        """Asks something of the worker beyond the task's type; returns the task.

        `value` is what the worker must have (`gpu`), or a comparison (`>=16`, `<5.1`, `!=cpu`).
        """
        self.requirements[key] = value
        return self

    def depends_on(self, *tasks: AuthoredTask) -> AuthoredTask:
        """Makes this task wait until the given ones are completed; returns the task."""
        self.dependencies.extend(tasks)
        return self


class JobSettings(MutableMapping[str, Any]):
    """The settings of a job, by attribute or by item. Changes are stored with the job.

    An attribute of a setting that was left out and has no default is `None`; a name that the job
    type does not define is an error. A key that is also the name of a method of dicts (`items`,
    `values`, `get` …) can be had by item only.
    """

    __slots__ = ("_known", "_values")

    def __init__(self, values: Mapping[str, Any], known: Sequence[str]) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_known", frozenset(known))

    def __getattr__(self, key: str) -> Any:
        self._refuse_unknown(key)
        return self._values.get(key)

    def __setattr__(self, key: str, value: object) -> None:
        self._refuse_unknown(key)
        self._values[key] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: object) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __reduce__(self) -> tuple[type[JobSettings], tuple[dict[str, Any], list[str]]]:
        return JobSettings, (self._values, list(self._known))  # for copy.copy and copy.deepcopy

    def __repr__(self) -> str:
        return f"JobSettings({self._values!r})"

    def _refuse_unknown(self, key: str) -> None:
        if key.startswith("__") or (key not in self._known and key not in self._values):
            hint = nearest_name(key, self._known)
            raise AttributeError(f"this job type has no setting “{key}” ({hint})")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AuthoredJob:
    """The job that is being compiled: what was submitted, and the tasks so far."""

    id: str
    name: str
    type: str
    priority: int
    created: datetime
    settings: JobSettings
    metadata: dict[str, str]
    storage: JobStorageInfo | None
    submitter_platform: str
    worker_tag: str | None
    tasks: list[AuthoredTask] = field(default_factory=list)

    def task(self, name: str, *, type: str, priority: int = DEFAULT_PRIORITY) -> AuthoredTask:  # noqa: A002
        """Adds a task; tasks are handed out by priority, then in this order.

        `type` says which workers may take it: `blender`, `ffmpeg`, `file-management` or `misc`.
        """
        task = AuthoredTask(name, type, priority)
        self.tasks.append(task)
        return task

    def refuse(self, key: str, what: str, hint: str = "") -> NoReturn:
        """Ends the compilation because of the setting `key`."""
        problem = Problem(f"settings.{key}", what, hint)
        raise CompileError(f"This job cannot be made with this {key}", problems=[problem])


def format_timestamp_local(time: datetime) -> str:
    """The time where the Manager runs, as used in names of files: `2026-02-03_040506`."""
    return time.astimezone().strftime("%Y-%m-%d_%H%M%S")
