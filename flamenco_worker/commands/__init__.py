"""The commands that tasks are made of, and what a studio needs to write its own."""

from __future__ import annotations

from flamenco_worker.commands.base import Command, CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.registry import COMMANDS, make_command

__all__ = [
    "COMMANDS",
    "Command",
    "CommandContext",
    "CommandFailed",
    "ParameterReader",
    "make_command",
]
