"""Reads the parameters of a command: typed, and with all that is wrong named at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from flamenco_core.errors import InvalidInput, Problem


class ParameterReader:
    """Hands out parameters one by one and remembers what was wrong with them.

    A method returns some harmless value for a wrong parameter; `check` then raises.
    """

    def __init__(
        self,
        command: str,
        parameters: Mapping[str, Any],
        also: Mapping[str, str] | None = None,
    ) -> None:
        """`also` says what else a parameter may be called, as in Flamenco 2."""
        self._command = command
        self._parameters = dict(parameters)
        for name, other in (also or {}).items():
            if name not in parameters and other in parameters:
                self._parameters[name] = parameters[other]
        self._problems: list[Problem] = []

    def check(self) -> None:
        """Raises `InvalidInput` if anything was wrong."""
        if self._problems:
            message = f"The command {self._command} cannot be run"
            raise InvalidInput(message, problems=self._problems)

    def anything(self, name: str) -> Any:
        """A parameter of any type that must be there."""
        if name not in self._parameters:
            self.wrong(name, "is missing")
        return self._parameters.get(name)

    def text(self, name: str, *, default: str | None = None, may_be_empty: bool = False) -> str:
        """A text; without `default` it must be there, and not be empty unless that is allowed."""
        value = self._parameters.get(name, default)
        if value is None:
            self.wrong(name, "is missing")
        elif not isinstance(value, str):
            self.wrong(name, f"is {value!r}, not a text")
        elif not value and default is None and not may_be_empty:
            self.wrong(name, "is empty")
        else:
            return value
        return ""

    def shell_words(self, name: str) -> list[str]:
        """A text that is split like in a POSIX shell; missing means none."""
        text = self.text(name, default="")
        try:
            return shlex.split(text)
        except ValueError as error:
            self.wrong(name, f"is {text!r}, which cannot be split: {error}".lower())
            return []

    def program(self, *, default: str, other: str) -> tuple[str, list[str]]:
        """A program and its first arguments: `exe` and `exeArgs`, or as one text in `other`."""
        if "exe" in self._parameters or other not in self._parameters:
            return self.text("exe", default=default), self.shell_words("exeArgs")
        words = self.shell_words(other)
        if not words:
            self.wrong(other, "is empty")
            return "", []
        return words[0], words[1:]

    def texts(self, name: str) -> list[str]:
        """A list whose items are turned into texts; missing means empty."""
        value = self._parameters.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(name, f"is {value!r}, not a list")
            return []
        return [item if isinstance(item, str) else str(item) for item in value]

    def number(self, name: str, *, above: float | None = None, least: float | None = None) -> float:
        """A number, larger than `above`, not smaller than `least`."""
        value = self._parameters.get(name)
        if value is None:
            self.wrong(name, "is missing")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(name, f"is {value!r}, not a number")
        elif above is not None and not value > above:
            self.wrong(name, f"is {value}, it must be more than {above:g}")
        elif least is not None and not value >= least:
            self.wrong(name, f"is {value}, it must be at least {least:g}")
        else:
            return value
        return 0

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false; missing means `default`."""
        value = self._parameters.get(name, default)
        if not isinstance(value, bool):
            self.wrong(name, f"is {value!r}, not true or false")
            return default
        return value

    def wrong(self, name: str, what: str) -> None:
        """Remembers a fault that the caller has found."""
        self._problems.append(Problem(f"parameters.{name}", what))
