"""What every command needs: which Manager, and JSON or tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_MANAGER = "http://localhost:8080"


def with_manager(function: Function) -> Function:
    return click.option(
        "--manager",
        "manager_url",
        metavar="URL",
        envvar="FLAMENCO_MANAGER",
        default=DEFAULT_MANAGER,
        show_default=True,
        show_envvar=True,
        help="Address of the Manager.",
    )(function)


def with_json(function: Function) -> Function:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout."
    )(function)
