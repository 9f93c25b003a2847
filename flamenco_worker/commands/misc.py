"""Commands that need no particular program: echo, sleep, exec, create-python-file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.partial_file import partial_file


@dataclass(frozen=True, slots=True)
class Echo:
    """Writes a message into the task's log."""

    message: Any

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("echo", parameters)
        message = reader.anything("message")
        reader.check()
        return cls(message)

    def run(self, context: CommandContext) -> None:
        context.log(f"echo: {json.dumps(self.message, ensure_ascii=False)}")


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits; parts of a second do not count, as in Flamenco 3."""

    duration: timedelta

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        also = {"duration_in_seconds": "time_in_seconds"}
        reader = ParameterReader("sleep", parameters, also)
        seconds = reader.number("duration_in_seconds", least=0)
        reader.check()
        return cls(timedelta(seconds=int(seconds)))

    def run(self, context: CommandContext) -> None:
        seconds = int(self.duration.total_seconds())
        context.log(f"going to sleep for {seconds}s")
        context.cancellation.sleep(self.duration)
        context.log(f"slept {seconds}s")


@dataclass(frozen=True, slots=True)
class CreatePythonFile:
    """Writes a Python file, for a later command to run; it replaces one that is there."""

    path: Path
    contents: str

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("create-python-file", parameters)
        path = reader.text("filepath")
        contents = reader.text("contents", may_be_empty=True)
        if path and not path.endswith(".py"):
            reader.wrong("filepath", f"is {path!r}, which does not end with .py")
        reader.check()
        return cls(Path(path), contents)

    def run(self, context: CommandContext) -> None:
        context.log(f"create-python-file: writing {self.path}:\n\n{self.contents}")
        with partial_file(context, self.path) as partial:
            partial.write_text(self.contents, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Exec:
    """Runs a program without a shell; exit code 0 means success."""

    exe: str
    args: list[str]

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("exec", parameters)
        if "cmd" in parameters and "exe" not in parameters:
            exe, args = reader.program(default="", other="cmd")
        else:
            exe, args = reader.text("exe"), reader.texts("args")
        command = cls(exe, args)
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        finished = context.run([self.exe, *self.args])
        if finished.exit_code:
            raise CommandFailed(f"{self.exe} ended with exit code {finished.exit_code}")
