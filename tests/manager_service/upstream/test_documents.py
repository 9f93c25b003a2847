"""Reading what the server writes, whole or in another process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flamenco_core.rules.upstream import UpstreamStatus
from manager_service.upstream.depsgraph_helper import lines_of
from manager_service.upstream.documents import (
    UnreadableAnswer,
    from_line,
    read_depsgraph,
    to_line,
)
from manager_service.upstream.pushing import read_push_answer
from tests.manager_service.upstream.conftest import document, task_id


def depsgraph(*documents: Any) -> bytes:
    return json.dumps({"depsgraph": documents}).encode()


def test_a_process_of_its_own_reads_the_same_as_the_manager() -> None:
    content = depsgraph(document(1), document(2, 1), {"_id": "x"}, document(3, commands=[]))
    here = read_depsgraph(content)
    *lines, faults = lines_of(content)
    assert [from_line(line) for line in lines] == here.tasks
    assert json.loads(faults) == here.faults
    assert len(here.tasks) == 3
    assert here.tasks[2].problem == "It has no commands"


def test_a_task_survives_the_way_between_processes() -> None:
    (task,) = read_depsgraph(depsgraph(document(1, 2, 3, priority=-20))).tasks
    assert from_line(to_line(task)) == task
    assert task.parents == (task_id(2), task_id(3))
    assert task.priority == -20
    assert task.status is UpstreamStatus.QUEUED


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"depsgraph": 3}', b"[" * 100_000]
)
def test_an_answer_that_is_no_list_of_tasks_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        read_depsgraph(content)


def test_the_process_says_what_was_wrong() -> None:
    with pytest.raises(UnreadableAnswer, match="cannot be read"):
        lines_of(b"<html>")


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        {"job": "a"},
        {**document(1), "status": "dancing"},
        {**document(1), "status": None},
    ],
)
def test_documents_that_are_no_tasks_are_left_out_and_told(wrong: Any) -> None:
    found = read_depsgraph(depsgraph(wrong, document(2)))
    assert [task.id for task in found.tasks] == [task_id(2)]
    assert len(found.faults) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"handled_update_ids": 3}', b"null"])
def test_an_answer_to_updates_that_does_not_say_what_was_handled_is_refused(
    content: bytes,
) -> None:
    with pytest.raises(UnreadableAnswer):
        read_push_answer(content)
