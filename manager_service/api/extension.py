"""The Blender extension: for download, and as a repository that Blender updates itself from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web

from flamenco_core.model.extension import ExtensionIndex
from manager_service.extension_shelf import ExtensionShelf
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    TEXT,
    Answer,
    Call,
    Handler,
    Operation,
    OperationTable,
    Role,
    in_path,
    in_query,
    matching,
    ok,
)

OPERATIONS = OperationTable("extension")

NAME = in_path("name", TEXT, "The zip, as the index calls it.")
BLENDER = in_query(
    "blender",
    matching(r"([0-9]{1,3}(\.[0-9]{1,3}){0,2})?", "a version of Blender such as 4.5"),
    "The version of Blender, such as `4.5`.",
    default="",
)
PLATFORM = in_query("platform", TEXT, "Such as `windows-x64`, as Blender calls it.", default="")

_ZIP = "application/zip"
_CONTENT = Answer(status=200, description="The extension.", media_type=_ZIP)
_NOTHING = Answer(status=404, description="There is none.")


@OPERATIONS.operation(
    "fetchExtensionIndex",
    "GET",
    "/extension/index.json",
    role=Role.ANYONE,
    summary="A repository of Blender extensions",
    answers=[ok(ExtensionIndex, "What Blender needs to know to install and update.")],
)
async def fetch_extension_index(call: Call) -> web.StreamResponse:
    """Its address is what Blender asks for as the URL of a remote repository.

    Empty until an extension was put into the Manager's data folder.
    """
    return encoded_answer(await call.service.file_threads.own.run_json(_shelf(call).index))


@OPERATIONS.operation(
    "fetchExtensionFile",
    "GET",
    "/extension/files/{name}",
    role=Role.ANYONE,
    summary="A zip of the Blender extension",
    parameters=[NAME],
    answers=[_CONTENT, _NOTHING],
)
async def fetch_extension_file(call: Call) -> web.StreamResponse:
    """The index says which there are."""
    shelf, name = _shelf(call), call.value(NAME)
    return _sent(await call.service.file_threads.own.run(lambda: shelf.file(name)))


async def _fetch_add_on(call: Call) -> web.StreamResponse:
    shelf = _shelf(call)
    blender, platform = call.value(BLENDER), call.value(PLATFORM)
    likely = _platform_of_browser(call.request.headers.get(hdrs.USER_AGENT, ""))
    return _sent(
        await call.service.file_threads.own.run(
            lambda: shelf.best(blender=blender, platform=platform, likely_platform=likely)
        )
    )


def _platform_of_browser(user_agent: str) -> str:
    """Browsers do not tell which processor a Mac has; Blender's newest is for Apple's own only."""
    kinds = {"Windows": "windows-x64", "Macintosh": "macos-arm64", "Linux": "linux-x64"}
    return next((name for word, name in kinds.items() if word in user_agent), "")


async def _lead_to_add_on(_call: Call) -> web.StreamResponse:
    return web.Response(status=308, headers={hdrs.LOCATION: "/flamenco-addon.zip"})


def _shelf(call: Call) -> ExtensionShelf:
    return ExtensionShelf(call.service.config.home)


def _sent(file: Path) -> web.StreamResponse:
    headers = {
        hdrs.CONTENT_TYPE: _ZIP,
        hdrs.CONTENT_DISPOSITION: f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(file, headers=headers)


def _download(name: str, path: str, handler: Handler) -> Operation:
    """Outside of the API, as in Flamenco 3, and so not in its document."""
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag=OPERATIONS.tag,
        role=Role.ANYONE,
        summary="The Blender extension for download",
        description="",
        parameters=(BLENDER, PLATFORM),
        body=None,
        answers=(_CONTENT, _NOTHING),
        handler=handler,
    )


DOWNLOADS = (
    _download("downloadAddOn", "/flamenco-addon.zip", _fetch_add_on),
    _download("downloadOldAddOn", "/flamenco3-addon.zip", _lead_to_add_on),
)
