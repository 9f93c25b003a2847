"""What the page on steering names is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flamenco_core import wire
from flamenco_core.command_line.explaining import EXPLAINING_COMMANDS
from flamenco_core.command_line.program import flamenco
from flamenco_core.command_line.steering import STEERING_COMMANDS
from flamenco_core.model import (
    JobActionRequest,
    JobsActionRequest,
    TaskActionRequest,
    TasksActionRequest,
    WorkerActionRequest,
    WorkersActionRequest,
)
from manager_service.api import all_operations
from manager_service.bulk_actions import ITEMS_ANSWERED, MOST_ITEMS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "steering.md").read_text("utf-8")
LINES = re.findall(r"^    flamenco (\S+)(.*)$", DOCUMENT, re.MULTILINE)
FORMS = {
    "/jobs/{id}/action": JobActionRequest,
    "/tasks/{id}/action": TaskActionRequest,
    "/worker-mgt/workers/{id}/action": WorkerActionRequest,
    "/jobs/action": JobsActionRequest,
    "/tasks/action": TasksActionRequest,
    "/worker-mgt/workers/action": WorkersActionRequest,
}


def paths() -> set[str]:
    """The paths of the API, with all their parameters named alike."""
    return {re.sub(r"{\w+}", "{}", operation.path) for operation in all_operations()}


@pytest.mark.parametrize(("name", "rest"), LINES)
def test_a_command_has_the_options_it_is_shown_with(name: str, rest: str) -> None:
    options = {option for parameter in flamenco.commands[name].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", rest)) <= options


def test_every_steering_command_is_shown() -> None:
    commands = {command.name for command in (*STEERING_COMMANDS, *EXPLAINING_COMMANDS)}
    assert commands <= {name for name, _ in LINES}


def test_every_path_is_served() -> None:
    named = re.findall(r"`(?:GET|POST|PUT)(?:`, `PUT)? /api/v3(/[^`?]+)", DOCUMENT)
    assert len(named) >= 15
    for path in named:
        assert f"/api/v3{re.sub(r'{[^}]+}', '{}', path)}" in paths(), path


def test_every_body_is_taken() -> None:
    rows = re.findall(r"^\| `POST /api/v3(\S+)` \| `({.*})` \|$", DOCUMENT, re.MULTILINE)
    assert len(rows) == 7
    for path, body in rows:
        text = body.replace("[…]", '["a"]').replace("…", "a")
        wire.from_json(json.loads(text), FORMS[path])


def test_the_limits_are_those_of_the_manager() -> None:
    assert f"up to\n{MOST_ITEMS:,} ids" in DOCUMENT
    assert ITEMS_ANSWERED == 1000
