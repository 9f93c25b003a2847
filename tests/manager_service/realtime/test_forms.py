"""What is told has the forms of Flamenco 3, and all places that name the forms agree."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from flamenco_core import model
from flamenco_core.client import events as client_events
from manager_service.api import all_operations
from manager_service.openapi import openapi_document
from manager_service.realtime import describing, topics
from manager_service.realtime.describing import MessageType
from tests.checkouts import ROOT

FLAMENCO_3: dict[str, tuple[str, str]] = {
    # (fields that are always there, fields that may be)
    "EventJobUpdate": (
        "id updated status type priority refresh_tasks steps_completed steps_total",
        "name previous_status delete_requested_at was_deleted",
    ),
    "EventTaskUpdate": (
        "id job_id name updated status activity steps_completed steps_total",
        "worker previous_status",
    ),
    "EventTaskLogUpdate": ("task_id log", ""),
    "EventLastRenderedUpdate": ("job_id thumbnail", ""),
    "EventWorkerUpdate": (
        "id name updated status version can_restart",
        "last_seen previous_status status_change deleted_at",
    ),
    "EventWorkerTagUpdate": ("tag", "was_deleted"),
    "EventLifeCycle": ("type", ""),
    "FarmStatusReport": ("status", ""),
}

DOCUMENT = openapi_document(all_operations(), version="v1.0")
DOCUMENTATION = Path(ROOT, "docs", "events.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FLAMENCO_3)
def test_an_event_has_the_fields_of_flamenco_3_and_more_only_as_an_option(name: str) -> None:
    always, sometimes = (set(names.split()) for names in FLAMENCO_3[name])
    required = {
        field.name
        for field in fields(getattr(model, name))
        if field.default is MISSING and field.default_factory is MISSING
    }
    assert required == always
    assert sometimes <= {field.name for field in fields(getattr(model, name))} - required


def test_every_type_of_event_is_known_to_the_client_the_document_and_the_readers() -> None:
    types = {kind.value for kind in MessageType}
    assert set(client_events._FORMS) == types
    table = DOCUMENTATION[DOCUMENTATION.index("## Topics") : DOCUMENTATION.index("Subscribe first")]
    rows = [row.split("|")[2] for row in table.splitlines() if row.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == types
    source = inspect.getsource(describing.MessageType)
    told = dict(re.findall(r'= "([\w-]+)"\n    """`(\w+)`"""', source))
    assert told == {kind: form.__name__ for kind, form in client_events._FORMS.items()}


def test_the_document_describes_every_message_and_what_stands_in_it() -> None:
    said: dict[str, Any] = DOCUMENT["paths"]["/api/v3/events"]["get"]["x-websocket"]
    named = {
        reference["$ref"].rpartition("/")[2]
        for part in said.values()
        for reference in part["oneOf"]
    }
    assert named <= set(DOCUMENT["components"]["schemas"])
    assert {form.__name__ for form in client_events._FORMS.values()} <= named
    follow = {name for name in model.__all__ if name.startswith("Follow")}
    assert follow - {"FollowOperation", "FollowedEvent"} <= named


def test_every_topic_is_documented() -> None:
    table = DOCUMENTATION[DOCUMENTATION.index("## Topics") : DOCUMENTATION.index("Subscribe first")]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(topics.FORMS)
