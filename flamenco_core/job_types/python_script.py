"""Job types written in Python: telling them from other modules, and running them.

Whether a file is a job type is read from its syntax tree, so that a module which merely lies in
the folder is never run.
"""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.job_types.authoring import JobType, Setting
from flamenco_core.job_types.definition import available_job_type
from flamenco_core.job_types.python_modules import PACKAGE, LookedAt, begin_package, is_current
from flamenco_core.job_types.script import LoadedJobType, ScriptError, read_source
from flamenco_core.model import AvailableJobType


@dataclass(slots=True)
class PythonScript:
    """See `flamenco_core.job_types.script.Script`."""

    name: str
    path: Path
    code: CodeType
    folders: Sequence[Path] = ()
    _looked_at: LookedAt = field(default_factory=dict)
    """For what it imported when it ran last."""

    def load(self) -> LoadedJobType:
        self._looked_at = begin_package([self.path.parent, *self.folders])
        module = ModuleType(f"{PACKAGE}.{self.path.stem}")
        module.__file__, module.__package__ = str(self.path), PACKAGE
        # Dataclasses look up the module that they are defined in.
        sys.modules[module.__name__] = module
        try:
            exec(self.code, module.__dict__)  # noqa: S102 - running the script is the point
            return self._described(module)
        except (ScriptError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            where = place_in_script(error, self.path)
            raise ScriptError([Problem(where, describe_exception(error))]) from error

    def _described(self, module: ModuleType) -> LoadedJobType:
        job_type: object = getattr(module, "JOB_TYPE", None)
        compile_job: object = getattr(module, "compile_job", None)
        if not isinstance(job_type, JobType):
            what = f"JOB_TYPE is of type {type(job_type).__name__}"
            hint = "write JOB_TYPE = JobType(label=…, settings=[…])"
            raise ScriptError([Problem(str(self.path), what, hint)])
        if not callable(compile_job):
            raise ScriptError([Problem(str(self.path), "compile_job is not a function")])
        available = describe_job_type(self.name, job_type, str(self.path))
        task_types = frozenset(job_type.task_types)
        return LoadedJobType(available, self.path, compile_job, task_types)

    def is_current(self) -> bool:
        return is_current(self._looked_at)


def read_python_script(
    name: str, path: Path, *, folders: Sequence[Path] = ()
) -> PythonScript | None:
    """The script, not run yet; `None` if the file is no job type and does not look like one.

    After its own folder, `folders` are searched for the modules that it imports.

    Raises:
        ScriptError: it has errors of syntax, or only half of what makes a job type.
        OSError: it cannot be read.
    """
    source = read_source(path)
    try:
        tree = ast.parse(source, filename=str(path))
        code = compile(tree, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"{path}, line {error.lineno}" if error.lineno else str(path)
        if error.lineno and error.offset:
            where += f", column {error.offset}"
        raise ScriptError([Problem(where, f"is not valid Python: {error.msg}")]) from None
    except (ValueError, RecursionError, MemoryError) as error:  # nested too deeply, zero bytes
        raise ScriptError([Problem(str(path), f"is not valid Python: {error}")]) from None
    missing = {"JOB_TYPE", "compile_job"} - _defined_names(tree)
    if len(missing) == 2:
        return None
    if missing:
        what = f"does not define {missing.pop()}, so it is no job type"
        raise ScriptError([Problem(str(path), what)])
    return PythonScript(name, path, code, folders)


def describe_job_type(name: str, job_type: JobType, where: str) -> AvailableJobType:
    """The job type as the API shows it.

    Raises:
        ScriptError: its definition has problems; all are named.
    """
    if problems := list(_misused_types(job_type)):
        return available_job_type(name, {}, where, problems)
    definition: dict[str, Any] = {
        "label": job_type.label,
        "settings": [_setting_data(setting) for setting in job_type.settings],
    }
    if job_type.description is not None:
        definition["description"] = job_type.description
    return available_job_type(name, definition, where)


def place_in_script(error: BaseException, path: Path) -> str:
    """`file, line n` of the deepest line of that script which the error passed through."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f"{path}, line {lines[-1]}" if lines else str(path)


def describe_exception(error: BaseException) -> str:
    """One line that says what was raised."""
    text = traceback.format_exception_only(error)[-1].strip()
    return text if len(text) <= 500 else f"{text[:499]}…"


def _misused_types(job_type: JobType) -> Iterator[Problem]:
    """Lists that are none: nothing checks types when a script makes its `JobType`."""
    lists = (("settings", job_type.settings, Setting), ("task_types", job_type.task_types, str))
    for name, items, wanted in lists:
        if not isinstance(items, list | tuple) or not all(
            isinstance(item, wanted) for item in items
        ):
            yield Problem(f"JOB_TYPE.{name}", f"must be a list of {wanted.__name__}")


def _setting_data(setting: Setting) -> dict[str, Any]:
    info = setting.eval_info
    data = {
        "key": setting.key,
        "type": setting.type,
        "subtype": setting.subtype,
        "choices": setting.choices,
        "propargs": setting.propargs,
        "description": setting.description,
        "label": setting.label,
        "default": setting.default,
        "eval": setting.eval,
        "evalInfo": info
        and {"showLinkButton": info.show_link_button, "description": info.description},
        "visible": setting.visible,
        "required": setting.required,
        "editable": setting.editable,
    }
    return {key: value for key, value in data.items() if value is not None}


def _defined_names(tree: ast.Module) -> set[str]:
    """The names that the module's top level assigns or defines."""
    names: set[str] = set()
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                names.add(name)
    return names
