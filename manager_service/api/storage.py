"""Where things are kept, how much room there is, and what paths become on other platforms."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from flamenco_core.config import DEFAULT_VARIABLES, Config
from flamenco_core.config.view import variable_from
from flamenco_core.errors import InvalidInput
from flamenco_core.model import Platform
from flamenco_core.model.configuration import StorageReport, VariableTrial, VariableTrialResult
from flamenco_core.variables import Variables
from manager_service.json_answers import json_answer
from manager_service.routing import Body, Call, OperationTable, Role, ok

OPERATIONS = OperationTable("settings")


@OPERATIONS.operation(
    "getStorage",
    "GET",
    "/storage",
    role=Role.WRANGLER,
    summary="Folders, free space, and the size of the content store",
    answers=[ok(StorageReport, "What is kept where.")],
)
async def get_storage(call: Call) -> web.StreamResponse:
    """The content store is counted at most once a minute."""
    service = call.service
    return json_answer(await service.storage_overview.report(service.config))


@OPERATIONS.operation(
    "tryVariables",
    "POST",
    "/configuration/variables/try",
    role=Role.VIEWER,
    summary="What would become of a path",
    body=Body(json=VariableTrial),
    answers=[ok(VariableTrialResult, "In both directions, on every platform.")],
)
async def try_variables(call: Call) -> web.StreamResponse:
    """Tries a text on the variables that are set, or on others that perhaps will be."""
    trial = call.body(VariableTrial)
    config = _with_variables(call.service.config, trial)
    table = config.variables_for(trial.audience, trial.platform)
    stored = table.abbreviate(trial.text)
    return json_answer(
        VariableTrialResult(
            stored=stored,
            expanded=table.expand(trial.text),
            on_platforms={
                platform.value: config.variables_for(trial.audience, platform).expand(stored)
                for platform in Platform
            },
            missing=table.missing(trial.text),
        )
    )


def _with_variables(config: Config, trial: VariableTrial) -> Config:
    """Raises `InvalidInput` if variables name each other in a circle."""
    if trial.variables is None:
        return config
    given = {name: variable_from(each) for name, each in trial.variables.items()}
    variables = Variables({**DEFAULT_VARIABLES, **given})
    problems = variables.problems(job_storage=config.job_storage.as_posix())
    if problems:
        raise InvalidInput("These variables cannot be used", problems=problems)
    return replace(config, variables=variables)
