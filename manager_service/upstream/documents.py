"""Tasks as the server writes them in JSON, read into `OfferedTask`s, and as lines between
processes: what reads a large answer must not hold up the Manager.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flamenco_core.errors import FlamencoError
from flamenco_core.model import Command
from flamenco_core.rules.upstream import OfferedTask, UpstreamStatus
from manager_service.upstream.commands import (
    CannotBeCarriedOut,
    Translated,
    task_type_here,
    translate,
)

DEFAULT_PRIORITY = 50


class UnreadableAnswer(FlamencoError):
    """The server's answer is not what its protocol says."""


@dataclass(frozen=True, slots=True)
class TaskDocuments:
    """What an answer with tasks holds."""

    tasks: list[OfferedTask]
    faults: list[str]
    """One sentence for each document that is no task."""


def read_depsgraph(content: bytes) -> TaskDocuments:
    """The tasks of an answer to the request for tasks.

    Raises:
        UnreadableAnswer: if it has no list of tasks.
    """
    try:
        documents = json.loads(content)["depsgraph"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UnreadableAnswer("The server's list of tasks cannot be read") from None
    if not isinstance(documents, list):
        raise UnreadableAnswer("The server's list of tasks is no list")
    found = TaskDocuments([], [])
    for document in documents:
        try:
            found.tasks.append(read_task(document))
        except UnreadableAnswer as error:
            found.faults.append(error.message)
    return found


def read_single_task(content: bytes) -> OfferedTask:
    """The task of an answer to the request for one. Raises `UnreadableAnswer`."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise UnreadableAnswer("The server's answer for a task cannot be read") from None
    return read_task(document)


def read_task(document: object) -> OfferedTask:
    """One task; what it lacks that Flamenco 2 gives a default, gets that.

    Raises:
        UnreadableAnswer: if it cannot be told which task of which job it is, or its status.
    """
    if not isinstance(document, dict):
        raise UnreadableAnswer("Something in the server's list of tasks is no task")
    task_id, job_id = _text(document, "_id"), _text(document, "job")
    if not task_id or not job_id:
        raise UnreadableAnswer(f"A task of the server lacks its _id or its job: {document!r:.200}")
    status = _text(document, "status")
    if status not in set(UpstreamStatus):
        raise UnreadableAnswer(f"Task {task_id} of the server has the status {status!r:.50}")
    problem = ""
    try:
        translated = translate(_commands(document))
    except CannotBeCarriedOut as error:
        translated, problem = Translated(()), error.message
    return OfferedTask(
        id=task_id,
        job_id=job_id,
        etag=_text(document, "_etag"),
        name=_text(document, "name") or task_id,
        status=UpstreamStatus(status),
        priority=_number(document, "priority"),
        job_priority=min(max(_number(document, "job_priority"), 0), 100),
        job_type=_text(document, "job_type") or "unknown",
        task_type=task_type_here(_text(document, "task_type") or "unknown"),
        commands=translated.commands,
        parents=tuple(_texts(document.get("parents"))),
        project=_text(document, "project"),
        user=_text(document, "user"),
        rna_overrides=translated.rna_overrides,
        problem=problem,
    )


def to_line(task: OfferedTask) -> str:
    """One line of JSON, which `from_line` reads again."""
    return json.dumps(asdict(task))


def from_line(line: str | bytes) -> OfferedTask:
    values: dict[str, Any] = json.loads(line)
    commands = tuple(Command(**command) for command in values.pop("commands"))
    values["status"] = UpstreamStatus(values["status"])
    for name in ("parents", "rna_overrides"):
        values[name] = tuple(values[name])
    return OfferedTask(**values, commands=commands)


def _commands(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    commands = document.get("commands")
    if not isinstance(commands, list) or not commands:
        raise CannotBeCarriedOut("It has no commands")
    return list(_named(commands))


def _named(commands: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for command in commands:
        name = command.get("name") if isinstance(command, dict) else None
        settings = command.get("settings", {}) if isinstance(command, dict) else None
        if not isinstance(name, str) or not isinstance(settings, dict):
            raise CannotBeCarriedOut(f"One of its commands has no name: {command!r:.99}")
        yield name, settings


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _number(document: Mapping[str, Any], key: str) -> int:
    value = document.get(key, DEFAULT_PRIORITY)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) < 2**31 else DEFAULT_PRIORITY
