"""Whether the Blender of one task may render the next one, as a job says in its metadata.

`blender.warm` with `off` asks for a Blender of its own for each task. It reaches the worker as the
parameter `warm` of `blender-render`, which other workers pass over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flamenco_core.errors import one_problem

COMMAND = "blender-render"
PARAMETER = "warm"
"""Of the command; missing means yes."""
METADATA_KEY = "blender.warm"
_ANSWERS = {"on": True, "off": False}


def warm_by_metadata(metadata: Mapping[str, Any]) -> bool | None:
    """What the job says; None if it says nothing.

    Raises:
        InvalidInput: it says something else than `on` or `off`.
    """
    if METADATA_KEY not in metadata:
        return None
    text = metadata[METADATA_KEY]
    answer = _ANSWERS.get(text.strip().lower()) if isinstance(text, str) else None
    if answer is None:
        where = f"metadata.{METADATA_KEY}"
        raise one_problem(where, f"is {text!r}", "write on or off")
    return answer
