"""A program that takes more memory than it may have."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from flamenco_worker.commands import CommandFailed
from flamenco_worker.memory_limit import memory_of
from tests.flamenco_worker.conftest import RecordedTask

EATS = "import time; hoard = b'x' * 300_000_000; print('has it', flush=True); time.sleep(120)"
"""300 MB, in a program that a shell starts."""


def test_it_is_ended_with_a_sentence_also_where_another_program_has_started_it(
    new_task: Callable[[], RecordedTask],
) -> None:
    task = new_task()
    context = replace(task.context(), memory_limit=150_000_000)
    with pytest.raises(CommandFailed) as failure:
        context.run(["/bin/sh", "-c", f'"{sys.executable}" -c "{EATS}"; true'])
    # It may be seen while it is still growing.
    sentence = r"It took (\d+) MB of memory, and may have 150 MB, and was ended"
    found = re.search(sentence, failure.value.message)
    assert found, failure.value.message
    assert 150 <= int(found[1]) < 400


def test_a_program_within_its_limit_is_let_be(new_task: Callable[[], RecordedTask]) -> None:
    context = replace(new_task().context(), memory_limit=10**12)
    assert context.run([sys.executable, "-c", "print(1)"]).exit_code == 0


def test_programs_that_do_not_run_have_no_memory() -> None:
    assert memory_of(0) == 0
    assert memory_of(2**22 + 1) == 0
