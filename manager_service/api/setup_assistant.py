"""What the assistant of the first start asks the Manager, and how it saves what it was told."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.config.fields import waiting_for_restart
from flamenco_core.model.configuration import (
    BlenderPathCheckResult,
    PathCheckInput,
    PathCheckResult,
    SetupAssistantConfig,
)
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import Answer, Body, Call, OperationTable, Role, no_content, ok
from manager_service.settings.blender_search import check_blender, find_blenders
from manager_service.settings.records import record
from manager_service.settings.restart import refuse_bad_restart
from manager_service.settings.setup_assistant import own_folders, settings_from
from manager_service.settings.storage_check import check_shared_storage

OPERATIONS = OperationTable("meta")


@OPERATIONS.operation(
    "checkSharedStoragePath",
    "POST",
    "/configuration/check/shared-storage",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Whether a folder can be the shared storage",
    body=Body(json=PathCheckInput),
    answers=[ok(PathCheckResult, "Whether it can be used, and why not.")],
)
async def check_shared_storage_path(call: Call) -> web.StreamResponse:
    """A file is written there, read back and removed, and so is a link. Not in Flamenco 3: how much
    room there is, and whether links can be made.
    """
    path = call.body(PathCheckInput).path
    folders = own_folders(call.service.config)
    return json_answer(await check_shared_storage(path, own_folders=folders))


@OPERATIONS.operation(
    "findBlenderExePath",
    "GET",
    "/configuration/check/blender",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Find Blender on the Manager's machine",
    answers=[ok(list[BlenderPathCheckResult], "What was found, the best first.")],
)
async def find_blender_exe_path(call: Call) -> web.StreamResponse:  # noqa: ARG001
    """Looks at what opens .blend files, on the PATH, and where the platform installs programs. Each
    find is run to tell its version.
    """
    return json_answer(await find_blenders())


@OPERATIONS.operation(
    "checkBlenderExePath",
    "POST",
    "/configuration/check/blender",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Whether a path leads to Blender",
    body=Body(json=PathCheckInput),
    answers=[ok(BlenderPathCheckResult, "Its version, or why it cannot be used.")],
)
async def check_blender_exe_path(call: Call) -> web.StreamResponse:
    """A file, a folder with Blender in it, or a name on the PATH. It is run to tell its version."""
    return json_answer(await check_blender(call.body(PathCheckInput).path))


@OPERATIONS.operation(
    "saveSetupAssistantConfig",
    "POST",
    "/configuration/setup-assistant",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Save what the assistant was told",
    body=Body(json=SetupAssistantConfig),
    answers=[
        no_content("It is in the configuration file. The Manager starts again if it has to."),
        Answer(status=400, description="It cannot be used."),
        Answer(
            status=409,
            description="This Manager runs without a configuration file, or it was saved and the "
            "Manager could not start again with it.",
        ),
    ],
)
async def save_setup_assistant_config(call: Call) -> web.StreamResponse:
    """The folder is tried once more. A path of Blender is saved for the Manager's own platform; on
    the others, workers run what is called `blender` there.
    """
    configuration = call.service.configuration
    await configuration.look()
    change = await settings_from(call.body(SetupAssistantConfig), configuration.wanted)
    written = await configuration.change(lambda changes: changes.take(change))
    await record(call, "configuration.change", "setup assistant", settings=written)
    if waiting_for_restart(configuration.running, configuration.wanted):
        await refuse_bad_restart(configuration, call.service.readers)
        call.service.restart_soon()
    return empty_answer()


@OPERATIONS.operation(
    "skipSetupAssistant",
    "POST",
    "/configuration/setup-assistant/skip",
    role=Role.ADMIN,
    summary="Set the Manager up later, or by hand",
    answers=[no_content("Pages do not open the assistant by themselves any more.")],
)
async def skip_setup_assistant(call: Call) -> web.StreamResponse:
    """`getConfiguration` says `isFirstRun` no more. The assistant can still be used."""
    actor = call.actor
    await call.service.farm.run(lambda manager: manager.skip_set_up(actor=actor))
    return empty_answer()
