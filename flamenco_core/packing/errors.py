"""What can go wrong between a .blend file and a farm that has all its files."""

from __future__ import annotations

from flamenco_core.errors import FlamencoError, Problem


class PackingError(FlamencoError):
    """The project cannot be packed as it is; the message says which file and why."""


class MissingExtra(FlamencoError):
    """A part of this project was not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra `{extra}`: install it with "
            f'`pip install "flamenco-python[{extra}]"`'
        )
        self.extra = extra


class MissingDependencies(PackingError):
    """Files that the .blend file uses do not exist; each problem names one and who uses it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("files that the project uses are missing", problems=problems)


class PackingCancelled(FlamencoError):
    """Packing was cancelled by the person who started it."""

    def __init__(self) -> None:
        super().__init__("packing was cancelled")
