"""Job types written in JavaScript, as Flamenco 3 has them: telling them from other files, and
compiling jobs with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from flamenco_core.errors import CompileError, InvalidInput, Problem
from flamenco_core.job_types.authoring import (
    AuthoredCommand,
    AuthoredJob,
    AuthoredTask,
    JobSettings,
)
from flamenco_core.job_types.definition import available_job_type
from flamenco_core.job_types.javascript_modules import ModuleFinder
from flamenco_core.job_types.javascript_run import (
    JavaScriptMissing,
    ScriptFailed,
    ScriptRun,
    check_javascript_can_be_run,
)
from flamenco_core.job_types.script import LoadedJobType, ScriptError, read_source
from flamenco_core.model import HIGHEST_PRIORITY, LOWEST_PRIORITY
from flamenco_core.statuses import JobStatus

HOW_TO_INSTALL = "run: pip install 'flamenco-python[javascript]'"

_TEXT_OR_COMMENT = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
    r"""|/\*.*?\*/|//[^\n]*""",
    re.DOTALL,
)
_DEFINITIONS = {
    "JOB_TYPE": re.compile(r"(?<![\w$.])JOB_TYPE\s*=(?!=)"),
    "compileJob": re.compile(r"(?<![\w$.])(?:function\s+compileJob\b|compileJob\s*=(?!=))"),
}


@dataclass(slots=True)
class JavaScriptScript:
    """See `flamenco_core.job_types.script.Script`."""

    name: str
    path: Path
    source: str
    folders: Sequence[Path]
    _modules: ModuleFinder = field(init=False)

    def __post_init__(self) -> None:
        self._modules = ModuleFinder(self.folders)

    def load(self) -> LoadedJobType:
        self._modules = ModuleFinder(self.folders)
        try:
            run = ScriptRun(self.path, self.source, self._modules)
            definition = run.describe()
        except JavaScriptMissing as error:
            raise _missing_library(self.path, error) from None
        except ScriptFailed as failed:
            raise ScriptError([Problem(failed.where, failed.message)]) from None
        return LoadedJobType(
            available=available_job_type(self.name, _without_nulls(definition), str(self.path)),
            path=self.path,
            compile_job=partial(_compile, run),
            written_for_flamenco_3=True,
        )

    def is_current(self) -> bool:
        return self._modules.is_current()


def read_javascript(
    name: str, path: Path, *, folders: Sequence[Path] = ()
) -> JavaScriptScript | None:
    """The script, not run yet; `None` if the file does not look like a job type.

    `folders` are searched for the modules that it requires.

    Raises:
        ScriptError: it has only half of what makes a job type, or JavaScript cannot be run here.
        OSError: it cannot be read.
    """
    try:
        source = read_source(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError([Problem(str(path), f"is not UTF-8 text: {error}")]) from None
    code = _TEXT_OR_COMMENT.sub(lambda match: match["text"] or " ", source)
    missing = [defined for defined, form in _DEFINITIONS.items() if not form.search(code)]
    if len(missing) == len(_DEFINITIONS):
        return None
    if missing:
        what = f"does not define {missing[0]}, so it is no job type"
        raise ScriptError([Problem(str(path), what)])
    try:
        check_javascript_can_be_run()
    except JavaScriptMissing as error:
        raise _missing_library(path, error) from None
    return JavaScriptScript(name, path, source, folders)


def _missing_library(path: Path, error: JavaScriptMissing) -> ScriptError:
    return ScriptError([Problem(str(path), error.message, HOW_TO_INSTALL)])


def _without_nulls(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition without fields that are null, which Flamenco 3 takes for left out."""
    kept = {key: value for key, value in definition.items() if value is not None}
    settings = kept.get("settings")
    if isinstance(settings, list):
        kept["settings"] = [
            {key: value for key, value in setting.items() if value is not None}
            if isinstance(setting, dict)
            else setting
            for setting in settings
        ]
    return kept


def _compile(run: ScriptRun, job: AuthoredJob) -> AuthoredJob:
    """The job as `compileJob` has left it.

    Raises:
        InvalidInput: a function that the script called did not take what it was given.
        CompileError: the script threw something else, or spoiled the job.
    """
    try:
        made = run.compile(_job_for_script(job))
    except ScriptFailed as failed:
        if failed.problems:
            raise InvalidInput(failed.message, problems=failed.problems) from None
        problem = Problem(failed.where, failed.message)
        raise CompileError(failed.message, problems=[problem]) from None
    _check_job(made)
    return replace(
        job,
        name=made["name"],
        priority=made["priority"],
        worker_tag=made.get("workerTagUUID") or None,
        settings=JobSettings(made["settings"], list(made["settings"])),
        metadata=made["metadata"],
        tasks=_authored_tasks(made["tasks"]),
    )


def _job_for_script(job: AuthoredJob) -> dict[str, Any]:
    storage = job.storage
    return {
        "jobID": job.id,
        "name": job.name,
        "jobType": job.type,
        "priority": job.priority,
        "status": JobStatus.UNDER_CONSTRUCTION.value,
        "createdMilliseconds": job.created.timestamp() * 1000,
        "settings": dict(job.settings),
        "metadata": job.metadata,
        "storage": {"shamanCheckoutID": (storage.shaman_checkout_id if storage else None) or ""},
        "workerTagUUID": job.worker_tag or "",
    }


def _check_job(made: dict[str, Any]) -> None:
    problems = [
        Problem(name, "the job type made something else than an object of it")
        for name in ("settings", "metadata")
        if not isinstance(made.get(name), dict)
    ]
    if not isinstance(made.get("name"), str) or not made["name"].strip():
        problems.append(Problem("name", "the job type left the job without a name"))
    if made.get("priority") not in range(LOWEST_PRIORITY, HIGHEST_PRIORITY + 1):
        hint = f"use a whole number from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}"
        what = f"the job type changed it to {made.get('priority')!r}"
        problems.append(Problem("priority", what, hint))
    if problems:
        raise CompileError("The job type spoiled the job", problems=problems)


def _authored_tasks(made: list[dict[str, Any]]) -> list[AuthoredTask]:
    tasks = [
        AuthoredTask(
            name=data.get("name", ""),
            type=data.get("type", ""),
            priority=data.get("priority"),  # type: ignore[arg-type]  # checked with all the rest
            commands=[
                AuthoredCommand(
                    command.get("name", ""), command["parameters"], command.get("totalStepCount", 0)
                )
                for command in data["commands"]
            ],
            id=data.get("id", ""),
        )
        for data in made
    ]
    by_id = {task.id: task for task in reversed(tasks)}
    for task, data in zip(tasks, made, strict=True):
        for other_id, other_name in data["dependencies"]:
            stranger = AuthoredTask(name=other_name, type="", priority=0, id=other_id)
            task.depends_on(by_id.get(other_id, stranger))
    return tasks
