"""Tries the script of a job type before it is saved: what is wrong with it, and what it makes.

It runs in a helper process of its own, with the same limits as all scripts.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.job_types.compile_process import CompileProcess
from flamenco_core.job_types.javascript_script import read_javascript
from flamenco_core.job_types.python_script import read_python_script
from flamenco_core.job_types.script import ScriptError
from flamenco_core.model import AvailableJobSetting, AvailableJobType, SettingType, SubmittedJob
from flamenco_core.model.job_type_scripts import (
    JobTypeCheck,
    JobTypeSource,
    ScriptLanguage,
    ScriptProblem,
)
from flamenco_core.paths import this_platform
from manager_service.settings.job_type_files import SUFFIX_OF

_PLACE = re.compile(r"(?P<file>.*?)(?:, line (?P<line>\d+))?(?:, column (?P<column>\d+))?")
_JOB_ID = str(UUID(int=0))
_MADE_UP: Mapping[SettingType, Any] = {
    SettingType.STRING: "sample",
    SettingType.INT32: 1,
    SettingType.FLOAT: 1.0,
    SettingType.BOOL: False,
}
_MADE_UP_BY_KEY: Mapping[str, Any] = {
    "frames": "1-3",
    "blendfile": "/sample/sample.blend",
    "render_output_root": "/sample/render",
    "render_output_path": "/sample/render/######",
    "fps": 24.0,
    "format": "PNG",
    "image_file_extension": ".png",
}
"""What add-ons fill in from the scene; these names are those of Flamenco 3's own job types."""


def check_script(name: str, given: JobTypeSource, scripts: Path) -> JobTypeCheck:
    """Blocks for as long as the script may take; `scripts` is the folder with what it may require.

    Raises:
        Unavailable: no helper process could be started.
    """
    with tempfile.TemporaryDirectory(prefix="flamenco-job-type-") as folder:
        path = Path(folder) / f"{name.replace('-', '_')}{SUFFIX_OF[given.language]}"
        path.write_text(given.source, encoding="utf-8", newline="\n")
        with CompileProcess([scripts, path.parent]) as process:
            return _Trial(name, path, process, given.settings).run(given.language, scripts)


@dataclass(frozen=True, slots=True)
class _Trial:
    name: str
    path: Path
    process: CompileProcess
    settings: dict[str, Any] | None

    def run(self, language: ScriptLanguage, scripts: Path) -> JobTypeCheck:
        problems = self._without_running(language, scripts)
        if not problems:
            # What is wrong with other scripts of the farm is none of this one's business.
            there = str(self.path.parent)
            problems = [each for each in self.process.problems() if each.where.startswith(there)]
        if problems:
            return JobTypeCheck(problems=self._placed(problems))
        return self._compiled(self.process.get(self.name))

    def _without_running(self, language: ScriptLanguage, scripts: Path) -> list[Problem]:
        try:
            if language is ScriptLanguage.PYTHON:
                found: object = read_python_script(self.name, self.path)
                needed = "JOB_TYPE and compile_job"
            else:
                found = read_javascript(self.name, self.path, folders=[self.path.parent, scripts])
                needed = "JOB_TYPE and compileJob"
        except ScriptError as error:
            return list(error.problems)
        if found is None:
            return [Problem(str(self.path), "is no job type", f"define {needed}")]
        return []

    def _compiled(self, job_type: AvailableJobType) -> JobTypeCheck:
        made_up = self.settings is None
        submitted = SubmittedJob(
            name="sample",
            type=self.name,
            submitter_platform=this_platform(),
            settings=_sample_settings(job_type) if made_up else self.settings or {},
        )
        try:
            compiled = self.process.compile(submitted, _JOB_ID, datetime.now(UTC))
        except FlamencoError as error:
            problems = self._placed(error.problems or [Problem("", error.message)])
            return JobTypeCheck(
                problems=[] if made_up else problems,
                trial_problems=problems if made_up else [],
                job_type=job_type,
            )
        return JobTypeCheck(
            problems=[],
            job_type=job_type,
            task_count=len(compiled.tasks),
            task_types=sorted({task.type for task in compiled.tasks}),
        )

    def _placed(self, problems: Iterable[Problem]) -> list[ScriptProblem]:
        return list(self._place(problems))

    def _place(self, problems: Iterable[Problem]) -> Iterator[ScriptProblem]:
        for problem in problems:
            found = _PLACE.fullmatch(problem.where)
            place = found.groupdict() if found else {"file": problem.where}
            line, column = place.get("line"), place.get("column")
            is_here = place["file"] == str(self.path)
            yield ScriptProblem(
                what=problem.what.replace(str(self.path), self.path.name),
                hint=problem.hint,
                where="" if is_here else problem.where.replace(str(self.path), self.path.name),
                line=int(line) if line and is_here else None,
                column=int(column) if column and is_here else None,
            )


def _sample_settings(job_type: AvailableJobType) -> dict[str, Any]:
    """A value for each setting that has no default; of choices the first."""
    return {
        setting.key: _sample(setting) for setting in job_type.settings if setting.default is None
    }


def _sample(setting: AvailableJobSetting) -> Any:
    if setting.choices:
        return setting.choices[0]
    by_key = _MADE_UP_BY_KEY.get(setting.key)
    if by_key is not None and isinstance(by_key, type(_MADE_UP[setting.type])):
        return by_key
    least = (setting.propargs or {}).get("min")
    return _MADE_UP[setting.type] if least is None else least
