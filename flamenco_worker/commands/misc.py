"""Commands that need no particular program: echo, sleep, exec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader


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
        reader = ParameterReader("sleep", parameters)
        seconds = reader.number("duration_in_seconds", least=0)
        reader.check()
        return cls(timedelta(seconds=int(seconds)))

    def run(self, context: CommandContext) -> None:
        seconds = int(self.duration.total_seconds())
        context.log(f"going to sleep for {seconds}s")
        context.cancellation.sleep(self.duration)
        context.log(f"slept {seconds}s")


@dataclass(frozen=True, slots=True)
class Exec:
    """Runs a program without a shell; exit code 0 means success."""

    exe: str
    args: list[str]

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("exec", parameters)
        command = cls(reader.text("exe"), reader.texts("args"))
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        finished = context.run([self.exe, *self.args])
        if finished.exit_code:
            raise CommandFailed(f"{self.exe} ended with exit code {finished.exit_code}")
