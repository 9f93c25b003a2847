"""The files that Manager and workers share."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import Audience
from flamenco_core.model.files import FolderListing, SequenceListing
from flamenco_core.paths import this_platform
from manager_service.files import folders
from manager_service.files.content import UNKNOWN_TYPE, answer_file
from manager_service.files.roots import Roots
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    BOOLEAN,
    TEXT,
    Answer,
    Call,
    OperationTable,
    Parameter,
    Role,
    in_query,
    matching,
    ok,
    whole_number,
)

OPERATIONS = OperationTable("files")

FOLDER = in_query(
    "path",
    TEXT,
    "A folder, as the Manager sees it, or with variables as jobs have them; left out for the top "
    "folders.",
    default="",
)
PATH = in_query(
    "path",
    TEXT,
    "The file, as the Manager sees it, or with variables as jobs have them.",
    default="",
)
SEQUENCE = in_query(
    "path", TEXT, "The images, with a `#` for each digit: `/render/shot/######.png`.", default=""
)
LIMIT = in_query("limit", whole_number(1, 1000), "At most so many at once.", default=200)
CURSOR = in_query("cursor", TEXT, "The `next` of the page before: for what follows it.", default="")
FRAME_CURSOR = in_query(
    "cursor", matching("([0-9]{1,9})?", "a frame"), "The `next` of the page before.", default=""
)
GROUP = in_query(
    "group", BOOLEAN, "Whether images with numbers are told as one sequence.", default=True
)

_OUTSIDE = Answer(
    status=403, description="It is neither in the shared storage nor in a configured folder."
)
_NOTHING = Answer(status=404, description="There is no such thing.")


@OPERATIONS.operation(
    "listFolder",
    "GET",
    "/files",
    role=Role.VIEWER,
    summary="What is in a shared folder",
    parameters=[FOLDER, LIMIT, CURSOR, GROUP],
    answers=[ok(FolderListing, "Folders first, then everything by name."), _OUTSIDE, _NOTHING],
)
async def list_folder(call: Call) -> web.StreamResponse:
    """Of the shared storage, and of the folders in `file_browser_roots` of the configuration.

    What symbolic links lead to counts, so that none leads out of these folders.
    """
    path, limit, cursor = _expanded(call, FOLDER), call.value(LIMIT), call.value(CURSOR)
    is_grouped, roots = call.value(GROUP), Roots(call.service.config)
    return encoded_answer(
        await call.service.file_threads.storage.run_json(
            lambda: (
                folders.list_folder(roots, path, limit=limit, cursor=cursor, is_grouped=is_grouped)
                if path
                else folders.list_roots(roots)
            )
        )
    )


@OPERATIONS.operation(
    "listImageSequence",
    "GET",
    "/files/sequence",
    role=Role.VIEWER,
    summary="The images of a sequence",
    parameters=[SEQUENCE, LIMIT, FRAME_CURSOR],
    answers=[ok(SequenceListing, "The images, by their frames."), _OUTSIDE, _NOTHING],
)
async def list_image_sequence(call: Call) -> web.StreamResponse:
    path, limit, cursor = _expanded(call, SEQUENCE), call.value(LIMIT), call.value(FRAME_CURSOR)
    after, roots = int(cursor) if cursor else None, Roots(call.service.config)
    return encoded_answer(
        await call.service.file_threads.storage.run_json(
            lambda: folders.list_sequence(roots, path, limit=limit, after=after)
        )
    )


@OPERATIONS.operation(
    "fetchFile",
    "GET",
    "/files/content",
    role=Role.VIEWER,
    summary="A shared file",
    parameters=[PATH],
    answers=[
        Answer(status=200, description="All of it.", media_type=UNKNOWN_TYPE),
        Answer(status=206, description="The part that was asked for.", media_type=UNKNOWN_TYPE),
        Answer(status=304, description="It is the one that the browser has."),
        _OUTSIDE,
        _NOTHING,
        Answer(status=416, description="The file does not have the part that was asked for."),
    ],
)
async def fetch_file(call: Call) -> web.StreamResponse:
    """`Range` asks for a part. What a browser could run is sent as something to be saved."""
    roots = Roots(call.service.config)
    return await answer_file(
        call.request, call.service.file_threads.storage, roots, _expanded(call, PATH)
    )


def _expanded(call: Call, parameter: Parameter[str]) -> str:
    """A path for this machine. What variables lead to is looked at like any other path."""
    table = call.service.config.variables_for(Audience.USERS, this_platform())
    expanded: str = table.expand(call.value(parameter))
    return expanded
