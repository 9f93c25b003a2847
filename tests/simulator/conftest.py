"""Which seeds are run: 20, or 200 with `--thorough`, or as the arguments say."""

from __future__ import annotations

import pytest

QUICK, THOROUGH = 20, 200


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" not in metafunc.fixturenames:
        return
    config = metafunc.config
    one, count = config.getoption("--seed"), config.getoption("--seeds")
    if one is not None:
        seeds = [one]
    else:
        seeds = [*range(count or (THOROUGH if config.getoption("--thorough") else QUICK))]
    metafunc.parametrize("seed", seeds)
