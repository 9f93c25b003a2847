from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.manager import Manager
from tests.flamenco_core.farms import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def manager(tmp_path: Path, clock: FakeClock) -> Iterator[Manager]:
    """An empty farm; at the end of the test its counters must add up."""
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        yield manager
        assert manager.check() == []
