"""The Manager itself: version, configuration, variables, storage."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import (
    Audience,
    FarmStatusReport,
    FlamencoVersion,
    ManagerConfiguration,
    ManagerVariable,
    SharedStorageLocation,
)
from flamenco_core.rules.farm_status import farm_status
from flamenco_core.variables import JOBS
from flamenco_core.version import current_version
from manager_service.json_answers import json_answer
from manager_service.routing import TEXT, Call, OperationTable, Role, in_path, ok, one_of
from manager_service.settings.setup_assistant import is_first_run

OPERATIONS = OperationTable("meta")

AUDIENCE = in_path("audience", one_of(Audience), "Whom the values are for.")
PLATFORM = in_path("platform", TEXT, "The operating system, such as linux, windows or darwin.")


@OPERATIONS.operation(
    "getVersion",
    "GET",
    "/version",
    role=Role.ANYONE,
    summary="The Manager's version and name",
    answers=[ok(FlamencoVersion, "The version.")],
)
async def get_version(call: Call) -> web.StreamResponse:
    version = current_version()
    return json_answer(
        FlamencoVersion(
            version=version.shown,
            shortversion=version.tag.removeprefix("v"),
            name=call.service.config.manager_name,
            git=version.commit,
            farm_id=call.service.farm_id,
        )
    )


@OPERATIONS.operation(
    "getConfiguration",
    "GET",
    "/configuration",
    role=Role.VIEWER,
    summary="Where files are kept and whether Shaman is on",
    answers=[ok(ManagerConfiguration, "The part of the configuration that clients need.")],
)
async def get_configuration(call: Call) -> web.StreamResponse:
    """`isFirstRun` until the shared storage is configured, or the set-up assistant was skipped."""
    config = call.service.config
    is_new = is_first_run(call.service.configuration.wanted)
    if is_new:
        is_new = not await call.service.readers.read(lambda reader: reader.is_set_up_skipped())
    return json_answer(
        ManagerConfiguration(
            storageLocation=config.job_storage.as_posix(),
            shamanEnabled=config.shaman_enabled,
            isFirstRun=is_new,
        )
    )


@OPERATIONS.operation(
    "getVariables",
    "GET",
    "/configuration/variables/{audience}/{platform}",
    role=Role.VIEWER,
    summary="The variables for an audience and a platform",
    parameters=[AUDIENCE, PLATFORM],
    answers=[ok(dict[str, ManagerVariable], "The variables that have a value there, by name.")],
)
async def get_variables(call: Call) -> web.StreamResponse:
    variables = call.service.config.variables_for(call.value(AUDIENCE), call.value(PLATFORM))
    return json_answer(variables.as_sent())


@OPERATIONS.operation(
    "getSharedStorage",
    "GET",
    "/configuration/shared-storage/{audience}/{platform}",
    role=Role.VIEWER,
    summary="Where an audience finds the shared storage on a platform",
    parameters=[AUDIENCE, PLATFORM],
    answers=[ok(SharedStorageLocation, "The location.")],
)
async def get_shared_storage(call: Call) -> web.StreamResponse:
    config = call.service.config
    audience, platform = call.value(AUDIENCE), call.value(PLATFORM)
    return json_answer(
        SharedStorageLocation(
            location=config.variables_for(audience, platform).values[JOBS],
            audience=audience,
            platform=platform,
            shamanEnabled=config.shaman_enabled,
        )
    )


@OPERATIONS.operation(
    "getFarmStatus",
    "GET",
    "/status",
    role=Role.VIEWER,
    summary="What the farm is doing",
    answers=[ok(FarmStatusReport, "The status of the farm as a whole.")],
)
async def get_farm_status(call: Call) -> web.StreamResponse:
    status = await call.service.readers.read(
        lambda reader: farm_status(reader.worker_statuses(), reader.unfinished_job_statuses())
    )
    return json_answer(FarmStatusReport(status=status))
