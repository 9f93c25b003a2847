"""A transaction ends with the unit that began it, whatever goes wrong."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.store.database import Transactions, connect


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(tmp_path / "farm.sqlite")) as db:
        yield db


@pytest.mark.parametrize("instructions", range(1, 8))
def test_a_unit_that_is_interrupted_at_any_point_leaves_no_transaction_open(
    db: sqlite3.Connection, instructions: int
) -> None:
    transactions = Transactions(db)
    steps = 0

    def interrupt_once() -> bool:
        nonlocal steps
        steps += 1
        return steps == instructions

    db.set_progress_handler(interrupt_once, 1)
    with contextlib.suppress(sqlite3.OperationalError), transactions.unit():
        pass
    assert not transactions.is_open
    with transactions.unit():
        assert transactions.is_open
