"""The Manager's configuration: what is set, where it was said, and changing it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from flamenco_core.config.masking import masked, unmasked
from flamenco_core.config.view import flamenco_3_form
from flamenco_core.errors import Conflict, InvalidInput, Problem, StorageError
from flamenco_core.model.configuration import ConfigurationChange, ConfigurationReport
from manager_service.json_answers import empty_answer, json_answer
from manager_service.problem_answers import HttpRefusal
from manager_service.routing import (
    BOOLEAN,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_query,
    no_content,
    ok,
)
from manager_service.settings.body_text import body_text
from manager_service.settings.etags import IF_MATCH, with_etag
from manager_service.settings.records import record
from manager_service.settings.restart import refuse_bad_restart

OPERATIONS = OperationTable("settings")

YAML = "application/yaml"

ONLY_CHECK = in_query(
    "check", BOOLEAN, "Say what is wrong with it, and change nothing.", default=False
)

_CHANGE = "configuration.change"

_NO_FILE = Answer(status=409, description="This Manager runs without a configuration file.")
_CHANGED = Answer(status=412, description="Somebody has changed the configuration meanwhile.")
_UNUSABLE = Answer(status=400, description="It cannot be used; all problems are named.")


@OPERATIONS.operation(
    "getSettings",
    "GET",
    "/configuration/settings",
    role=Role.ADMIN,
    summary="Every setting, with its value, default, origin and meaning",
    answers=[ok(ConfigurationReport, "The settings; `ETag` is that of the file.")],
)
async def get_settings(call: Call) -> web.StreamResponse:
    """As the file and the environment say it now; `is_waiting` tells what the Manager still has
    another value of. Secrets are not sent, only whether they are set.
    """
    return await _report(call)


@OPERATIONS.operation(
    "changeSettings",
    "PATCH",
    "/configuration/settings",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Change settings",
    parameters=[IF_MATCH, ONLY_CHECK],
    body=Body(json=ConfigurationChange),
    answers=[ok(ConfigurationReport, "What is set now."), _UNUSABLE, _NO_FILE, _CHANGED],
)
async def change_settings(call: Call) -> web.StreamResponse:
    """Writes them into the configuration file, whose comments stay. What counts at once counts when
    this is answered; the rest waits for a restart.
    """
    change = call.body(ConfigurationChange)
    written = await call.service.configuration.change(
        lambda changes: changes.take(change),
        etag=call.value(IF_MATCH),
        only_check=call.value(ONLY_CHECK),
    )
    if written and not call.value(ONLY_CHECK):
        await record(call, _CHANGE, _file_name(call), settings=written)
    return await _report(call)


@OPERATIONS.operation(
    "getConfigurationFile",
    "GET",
    "/configuration/file",
    role=Role.ADMIN,
    summary="The configuration in Flamenco 3's form",
    answers=[ok(dict[str, Any], "The settings that Flamenco 3 knows, nested as in the file.")],
)
async def get_configuration_file(call: Call) -> web.StreamResponse:
    """Secrets are empty texts. `getSettings` has all settings of this Manager."""
    configuration = call.service.configuration
    await configuration.look()
    return with_etag(json_answer(flamenco_3_form(configuration.wanted)), configuration.etag)


@OPERATIONS.operation(
    "updateConfigurationFile",
    "PUT",
    "/configuration/file",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Change the configuration, in Flamenco 3's form",
    parameters=[IF_MATCH],
    body=Body(json=dict[str, Any]),
    answers=[no_content("It is written."), _UNUSABLE, _NO_FILE, _CHANGED],
)
async def update_configuration_file(call: Call) -> web.StreamResponse:
    """What is left out stays, and so do secrets that are empty; only variables that are left out
    are removed. Nothing is written of what stays as it is.
    """
    given: dict[str, Any] = call.payload
    configuration = call.service.configuration
    written = await configuration.change(
        lambda changes: changes.take_flamenco_3_form(given), etag=call.value(IF_MATCH)
    )
    if written:
        await record(call, _CHANGE, _file_name(call), settings=written)
    return with_etag(empty_answer(), configuration.etag)


@OPERATIONS.operation(
    "getConfigurationText",
    "GET",
    "/configuration/text",
    role=Role.ADMIN,
    summary="The text of the configuration file",
    answers=[
        Answer(status=200, description="The text, without secrets.", media_type=YAML),
        Answer(status=409, description="There is no file that could be shown."),
    ],
)
async def get_configuration_text(call: Call) -> web.StreamResponse:
    """Each secret reads `(secret)`, which stands for the same secret in what is sent back."""
    service = call.service
    await service.configuration.look()
    name = _file_name(call)
    try:
        text = await service.configuration.text()
        shown = await service.file_threads.own.run(lambda: masked(text, name))
    except (InvalidInput, StorageError) as error:
        raise Conflict(
            "The file cannot be shown without its secrets",
            problems=error.problems or [Problem(name, error.message)],
        ) from None
    answer = web.Response(text=shown, content_type=YAML, charset="utf-8")
    return with_etag(answer, service.configuration.etag)


@OPERATIONS.operation(
    "replaceConfigurationText",
    "PUT",
    "/configuration/text",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Replace the configuration file",
    parameters=[IF_MATCH, ONLY_CHECK],
    body=Body(media_type=YAML),
    answers=[
        no_content("It is written, and used as far as it counts at once."),
        _UNUSABLE,
        _NO_FILE,
        _CHANGED,
        Answer(status=413, description="The text is too long."),
        Answer(status=415, description="The body is no YAML."),
    ],
)
async def replace_configuration_text(call: Call) -> web.StreamResponse:
    """A text that cannot be used is refused, with the lines of all mistakes."""
    if call.request.content_type != YAML:
        raise HttpRefusal(415, f"The body must be {YAML}, not {call.request.content_type}")
    service = call.service
    text, present = await body_text(call.request), await service.configuration.text()
    name = _file_name(call)
    whole = await service.file_threads.own.run(lambda: unmasked(text, present, name))
    await service.configuration.replace(
        whole, etag=call.value(IF_MATCH), only_check=call.value(ONLY_CHECK)
    )
    if not call.value(ONLY_CHECK):
        await record(call, _CHANGE, name)
    return with_etag(empty_answer(), service.configuration.etag)


@OPERATIONS.operation(
    "restartManager",
    "POST",
    "/configuration/restart",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Let the Manager stop and start again",
    answers=[
        no_content("It will."),
        Answer(status=409, description="It could not start again with its configuration."),
    ],
)
async def restart_manager(call: Call) -> web.StreamResponse:
    """What was asked is answered first. Workers go on with their tasks, and come back."""
    service = call.service
    await service.configuration.look()
    await refuse_bad_restart(service.configuration, service.readers)
    await record(call, "manager.restart", "")
    service.restart_soon()
    return empty_answer()


async def _report(call: Call) -> web.StreamResponse:
    report = await call.service.configuration.report()
    return with_etag(json_answer(report), report.state.etag)


def _file_name(call: Call) -> str:
    file = call.service.configuration.wanted.file
    return file.name if file is not None else ""
