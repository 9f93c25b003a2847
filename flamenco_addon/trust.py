"""Which farms may run expressions of their own in this artist's Blender.

Job types bring Python expressions that fill in settings. Those of the job types that come with
this program are known and run anywhere. All others run only if the artist has seen them and trusts
the farm, which is remembered for its address together with its identity: another farm that answers
there is not trusted.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flamenco_core.model import AvailableJobType

_PATHLIB_OUTPUT_PATH = (
    "str(Path(abspath(settings.render_output_root), "
    "last_n_dir_parts(settings.add_path_components), jobname, '{timestamp}', '######'))"
)
"""Job types of Flamenco 3 compute their output path so."""


@dataclass(frozen=True, slots=True)
class FarmIdentity:
    url: str
    farm_id: str = ""
    """Empty for a Manager of Flamenco 3, which has none."""


@dataclass(frozen=True, slots=True)
class ForeignExpression:
    """An expression that is to be seen before it runs."""

    job_type: str
    setting: str
    text: str


@cache
def known_expressions() -> frozenset[str]:
    """Those of the job types that come with this program."""
    from flamenco_core.job_types import builtin

    found = {_PATHLIB_OUTPUT_PATH}
    for module_info in pkgutil.iter_modules(builtin.__path__):
        module = importlib.import_module(f"{builtin.__name__}.{module_info.name}")
        found.update(_plain(setting.eval) for setting in module.JOB_TYPE.settings if setting.eval)
    return frozenset(found)


def foreign_expressions(job_types: Iterable[AvailableJobType]) -> list[ForeignExpression]:
    """All expressions that are not this program's own."""
    return [
        ForeignExpression(job_type.name, setting.key, setting.eval)
        for job_type in job_types
        for setting in job_type.settings
        if setting.eval and _plain(setting.eval) not in known_expressions()
    ]


def is_known(expression: str) -> bool:
    return _plain(expression) in known_expressions()


class TrustedFarms:
    """The farms that the artist trusts, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._farms = _read(file)

    def trusts(self, farm: FarmIdentity) -> bool:
        return farm in self._farms

    def trust(self, farm: FarmIdentity) -> None:
        """Raises `OSError` if it cannot be written down."""
        self._farms.add(farm)
        self._write()

    def forget(self, farm: FarmIdentity) -> None:
        """Raises `OSError` if it cannot be written down."""
        self._farms.discard(farm)
        self._write()

    def _write(self) -> None:
        farms = sorted(self._farms, key=lambda farm: (farm.url, farm.farm_id))
        content = [{"url": farm.url, "farm_id": farm.farm_id} for farm in farms]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(content, indent=1), encoding="utf-8")
        new.replace(self._file)


def _plain(expression: str) -> str:
    return " ".join(expression.split())


def _read(file: Path) -> set[FarmIdentity]:
    """What cannot be read is no trust."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {FarmIdentity(str(farm["url"]), str(farm["farm_id"])) for farm in content}
    except (OSError, ValueError, TypeError, KeyError):
        return set()
