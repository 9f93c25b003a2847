"""The commands of `flamenco`, their options, and how errors end the program."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from flamenco_core.command_line.explaining import EXPLAINING_COMMANDS
from flamenco_core.command_line.following import events
from flamenco_core.command_line.listing import LISTING_COMMANDS
from flamenco_core.command_line.logging_in import LOGIN_COMMANDS
from flamenco_core.command_line.output import print_error
from flamenco_core.command_line.steering import STEERING_COMMANDS
from flamenco_core.command_line.submitting import submit
from flamenco_core.errors import FlamencoError

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes: something went wrong; the command line is wrong; Ctrl+C (as shells count it)."""


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from flamenco_core.version import current_version

        click.echo(f"flamenco {current_version().shown}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Print the version and exit.",
)
def flamenco() -> None:
    """Submit jobs to a render farm, steer them, and see what it does.

    The Manager is found by --manager, which each command takes, or the environment variable
    FLAMENCO_MANAGER, else at http://localhost:8080.
    """


flamenco.add_command(submit)
flamenco.add_command(events)
for command in (
    *LISTING_COMMANDS,
    *STEERING_COMMANDS,
    *EXPLAINING_COMMANDS,
    *LOGIN_COMMANDS,
):
    flamenco.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. Nothing is raised, nothing shows a traceback."""
    try:
        result = flamenco.main(list(arguments), prog_name="flamenco", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return FAILURE
    except (click.Abort, KeyboardInterrupt):
        click.echo("flamenco: interrupted", err=True)
        return INTERRUPTED
    except FlamencoError as error:
        print_error(error)
        return FAILURE
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:  # noqa: BLE001 - the last line of defence before a traceback
        if os.environ.get("FLAMENCO_DEBUG"):
            traceback.print_exc()
        click.echo(
            f"flamenco: something unexpected happened ({type(error).__name__}: {error}); "
            "set FLAMENCO_DEBUG=1 to see where",
            err=True,
        )
        return FAILURE
    return result if isinstance(result, int) else 0
