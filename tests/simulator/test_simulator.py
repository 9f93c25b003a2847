"""Whatever goes wrong on a farm, it keeps its promises; every seed is another run of trouble."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flamenco_core.manager import transitions
from tests.simulator.simulation import simulate

ROOT = Path(__file__).parents[2]
IN_SMALL_PIECES = 4


def test_a_farm_in_trouble_loses_nothing_and_ends_every_job(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % IN_SMALL_PIECES == 0:
        # What is done in several transactions on large jobs only is then so on all.
        monkeypatch.setattr(transitions, "SWEEP_SIZE", 1)
    outcome = simulate(seed, tmp_path)
    assert outcome.completions


def test_a_seed_replays_exactly_in_another_process(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
import pytest

from flamenco_core.manager import transitions
from tests.simulator.simulation import simulate
print(simulate(4, Path(sys.argv[1])).digest)
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / hash_seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
