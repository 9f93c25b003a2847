"""The program that reads long lists, apart from the Manager: connections of one process share
SQLite's memory allocator, so that a long list would slow down every other statement.

It is started by `helper_start`, with the farm file. A request is a line of JSON, a
`ListRequest`; an answer is a line of JSON with the size of what follows it, which are items of
the list separated by commas, or with an error. It ends with its input, and so with the Manager.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from flamenco_core import wire
from flamenco_core.errors import FlamencoError
from flamenco_core.store.listing import LARGEST_PAGE, ListRequest
from flamenco_core.store.reader import FarmReader
from manager_service.helper_output import send

_NICENESS = 10
"""How far the system puts this process behind the Manager, where there is not enough of it."""


def main() -> None:
    """Answers requests until there are no more."""
    # Ctrl+C in a terminal reaches this process too; the Manager then ends it when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whoever reads a long list can wait for those who do something. Windows is told at the start.
    if sys.platform != "win32":
        os.nice(_NICENESS)
    requests = sys.stdin.buffer
    # Lists have no logs, so that it does not matter where those lie.
    with FarmReader.open(Path(sys.argv[2]), log_storage=Path(sys.argv[2]).parent) as reader:
        while line := requests.readline():
            header, items = _answer_to(reader, line)
            if not send(json.dumps(header).encode() + b"\n" + items):
                return


def _answer_to(reader: FarmReader, line: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        items, cursor = read_items(reader, wire.from_json_text(line, ListRequest))
    except FlamencoError as error:
        return {"size": 0, "error": error.message}, b""
    encoded = ",".join(items).encode()
    return {"size": len(encoded), "next": cursor}, encoded


def read_items(reader: FarmReader, request: ListRequest) -> tuple[list[str], str | None]:
    """Up to `request.limit` items, in several pages, and the cursor for the rest."""
    items: list[str] = []
    cursor: str | None = request.cursor
    while cursor is not None and len(items) < request.limit:
        wanted = min(request.limit - len(items), LARGEST_PAGE)
        page = reader.list_page(replace(request, cursor=cursor, limit=wanted))
        items += page.items
        cursor = page.next
    return items, cursor
