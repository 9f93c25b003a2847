"""How far tasks have come, across the death of a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_worker.task_journal import JOURNAL_NAME, MOST_ENTRIES, TaskJournal

TASK = "11111111-1111-4111-8111-111111111111"


def test_what_was_done_of_an_attempt_is_known_to_the_next_run(tmp_path: Path) -> None:
    assert TaskJournal(tmp_path).done_before(TASK, 1) is None
    for command in (0, 1, 2):
        TaskJournal(tmp_path).begins(TASK, 1, command)
    assert TaskJournal(tmp_path).done_before(TASK, 1) == 2
    assert TaskJournal(tmp_path).done_before(TASK, 2) is None
    TaskJournal(tmp_path).is_over(TASK)
    assert TaskJournal(tmp_path).done_before(TASK, 1) is None


def test_without_attempts_nothing_counts_as_done(tmp_path: Path) -> None:
    TaskJournal(tmp_path).begins(TASK, None, 2)
    assert TaskJournal(tmp_path).done_before(TASK, None) == 0


@pytest.mark.parametrize("content", ["", "[]", "{", f'{{"{TASK}": 3}}', f'{{"{TASK}": [1, "x"]}}'])
def test_a_journal_that_is_none_is_as_good_as_no_journal(tmp_path: Path, content: str) -> None:
    (tmp_path / JOURNAL_NAME).write_text(content, encoding="utf-8")
    assert not TaskJournal(tmp_path).done_before(TASK, 1)
    TaskJournal(tmp_path).begins(TASK, 1, 1)
    assert TaskJournal(tmp_path).done_before(TASK, 1) == 1


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    for number in range(3 * MOST_ENTRIES):
        TaskJournal(tmp_path).begins(f"task {number}", 1, 0)
    assert TaskJournal(tmp_path).done_before("task 0", 1) is None
    assert TaskJournal(tmp_path).done_before(f"task {3 * MOST_ENTRIES - 1}", 1) == 0


def test_a_journal_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    TaskJournal(tmp_path / "missing").begins(TASK, 1, 0)
