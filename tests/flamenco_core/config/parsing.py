from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.config import Config, parse_config
from flamenco_core.errors import InvalidInput

HOME = Path("/farm")
EXAMPLES = Path(__file__).parent
FLAMENCO_3 = EXAMPLES / "flamenco-3.yaml"
FLAMENCO_2 = EXAMPLES / "flamenco-2.yaml"
BEFORE_VERSIONS = EXAMPLES / "flamenco-2.0.yaml"


def parse(text: str, **environment: str) -> Config:
    return parse_config(text, name="flamenco-manager.yaml", home=HOME, environment=environment)


def problems(text: str, **environment: str) -> list[str]:
    """What is wrong with the text, a line each, without the file's name."""
    with pytest.raises(InvalidInput) as caught:
        parse(text, **environment)
    return [
        str(problem).removeprefix("flamenco-manager.yaml, ") for problem in caught.value.problems
    ]


def warnings(config: Config) -> list[str]:
    return [str(warning) for warning in config.warnings]
