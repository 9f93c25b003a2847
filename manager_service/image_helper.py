"""The program that decodes images, apart from the Manager: it may crash, hang or swell.

It is started by `helper_start`. A request is the length of an image (8 bytes, most
significant first) and the image; an answer is a line of JSON, with the sizes of the JPEGs that
follow it, or with an error. It ends with its input, and so with the Manager.
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from typing import IO, Any

from flamenco_core.job_types.compile_helper import limit_memory
from flamenco_core.last_rendered import UnusableImage, make_thumbnails
from manager_service.helper_output import send

LENGTH = struct.Struct(">Q")

MEMORY_LIMIT = 2 * 2**30
"""Bytes. The largest image that is decoded needs about half of it. Where a process cannot be
limited, the limit of pixels has to do."""


def main() -> None:
    """Answers requests until there are no more."""
    # Ctrl+C in a terminal reaches this process too; the Manager then ends it when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_memory(MEMORY_LIMIT)
    requests = sys.stdin.buffer
    while (image := _next_image(requests)) is not None:
        header, jpegs = _answer_to(image)
        if not send(json.dumps(header).encode() + b"\n" + b"".join(jpegs)):
            return


def _next_image(requests: IO[bytes]) -> bytes | None:
    head = requests.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    image = requests.read(length)
    return image if len(image) == length else None


def _answer_to(image: bytes) -> tuple[dict[str, Any], list[bytes]]:
    try:
        jpegs = make_thumbnails(image)
    except UnusableImage as error:
        return {"error": error.message}, []
    except ImportError as error:
        return {"error": f"Images cannot be decoded here: {error}"}, []
    return {"sizes": [len(jpeg) for jpeg in jpegs]}, jpegs
