"""What the assistant of the first start asks for, and what is made of the answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from flamenco_core.config import Config
from flamenco_core.config.view import variables_of
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.model.configuration import (
    BlenderPathSource,
    ConfigurationChange,
    ConfiguredValue,
    ConfiguredVariable,
    SetupAssistantConfig,
)
from manager_service.settings.storage_check import check_shared_storage

_BLENDER, _ARGUMENTS = "blender", "blenderArgs"
_FOUND_BY_WORKERS = (BlenderPathSource.DEFAULT, BlenderPathSource.FILE_ASSOCIATION)
"""Each worker runs what its own machine calls `blender`."""


def is_first_run(config: Config) -> bool:
    """Whether nobody has said yet where the shared storage is, though there is a place for it."""
    return config.file is not None and "shared_storage_path" not in config.places


def own_folders(config: Config) -> Iterator[Path]:
    """Those that are not to be shared."""
    yield config.home
    yield config.local_storage
    yield Path(sys.prefix)


async def settings_from(answers: SetupAssistantConfig, config: Config) -> ConfigurationChange:
    """The settings that the answers stand for.

    Raises:
        InvalidInput: with all that is missing, or cannot be used.
    """
    blender = answers.blenderExecutable
    problems: list[Problem] = []
    storage = await check_shared_storage(answers.storageLocation, own_folders=own_folders(config))
    if not storage.is_usable:
        problems.append(Problem("storageLocation", storage.cause))
    if not blender.is_usable:
        what, hint = "this Blender cannot be used", "choose another one, or the source “default”"
        problems.append(Problem("blenderExecutable.is_usable", what, hint))
    if blender.source is not BlenderPathSource.DEFAULT and not blender.path.strip():
        problems.append(Problem("blenderExecutable.path", "is missing"))
    if problems:
        raise InvalidInput("These settings cannot be saved", problems=problems)
    return ConfigurationChange(
        settings={"shared_storage_path": storage.path},
        variables=_variables(config, _program(answers)),
    )


def _program(answers: SetupAssistantConfig) -> str:
    """What workers on the Manager's platform are to run; empty if that is nothing special."""
    blender = answers.blenderExecutable
    if blender.source in _FOUND_BY_WORKERS:
        return ""
    if blender.source is BlenderPathSource.PATH_ENVVAR:
        return blender.input.strip()
    return blender.path.strip()


def _variables(config: Config, program: str) -> dict[str, ConfiguredVariable]:
    """All variables; those for Blender as at first, but for what was found on this platform."""
    defaults = variables_of(Config(home=config.home))
    blender = defaults[_BLENDER]
    if program:
        others = [
            ConfiguredValue(value=value.value, platforms=rest)
            for value in blender.values
            if (rest := [name for name in value.platforms if name != config.platform])
        ]
        own = ConfiguredValue(value=program, platforms=[config.platform])
        blender = ConfiguredVariable(values=[own, *others])
    return {**variables_of(config), _BLENDER: blender, _ARGUMENTS: defaults[_ARGUMENTS]}
