"""What a script says about its job type, brought into the form in which it travels, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.job_types.etag import etag_of
from flamenco_core.job_types.json_values import plain_object
from flamenco_core.job_types.script import ScriptError
from flamenco_core.job_types.setting import definition_problems
from flamenco_core.model import AvailableJobType
from flamenco_core.wire import from_json


def available_job_type(
    name: str, definition: Mapping[str, object], where: str, problems: Iterable[Problem] = ()
) -> AvailableJobType:
    """The job type as the API shows it, with its etag.

    `definition` has the fields of `JOB_TYPE` by their names on the wire; `problems` are those that
    were found before.

    Raises:
        ScriptError: there are problems; all are named, at places that begin with `where`.
    """
    found = list(problems)
    data = plain_object({**definition, "name": name, "etag": ""}, "JOB_TYPE", found)
    if not found:
        try:
            available = from_json(data, AvailableJobType)
        except InvalidInput as error:
            found.extend(
                Problem(f"JOB_TYPE.{problem.where}", problem.what, problem.hint)
                for problem in error.problems
            )
        else:
            found.extend(definition_problems(available.settings))
    if found:
        raise ScriptError(
            Problem(f"{where}, {problem.where}", problem.what, problem.hint) for problem in found
        )
    return replace(available, etag=etag_of(available))
