"""What the program prints: results on stdout, as a table or as JSON; the rest on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import click
from rich.console import Console
from rich.progress import Progress, ProgressColumn
from rich.table import Table
from rich.text import Text

from flamenco_core import wire
from flamenco_core.errors import FlamencoError

ID_HEADING = "Id"

_WIDE_TERMINAL = 120
"""Columns."""
_WIDTH_WITHOUT_TERMINAL = 10_000
"""Columns: a table that another program reads is never folded."""


def print_json(value: object) -> None:
    """`value` (of the model, or made of plain values) as the only thing on stdout."""
    click.echo(json.dumps(wire.to_json(value), indent=2, ensure_ascii=False))


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str,
    wide_only: Collection[str] = (),
) -> None:
    """A table; `empty` is printed instead if there are no rows.

    Cells that do not fit into the terminal are folded, never cut off. The columns `wide_only`
    are left out on a narrow terminal.
    """
    console = _stdout_console()
    is_narrow = console.width < _WIDE_TERMINAL
    shown = [
        index for index, heading in enumerate(headings) if not (is_narrow and heading in wide_only)
    ]
    texts = [[cell_text(row[index]) for index in shown] for row in rows]
    if not texts:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for heading in (headings[index] for index in shown):
        # Ids stay in one piece, since people copy them.
        table.add_column(heading, overflow="fold", no_wrap=heading == ID_HEADING)
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """One thing, a line for each of its fields that has a value."""
    shown = [(label, cell_text(value)) for label, value in fields]
    width = max(len(label) for label, _ in shown)
    for label, text in shown:
        if text:
            click.echo(f"{label:<{width}}  {text}")


def print_error(error: FlamencoError) -> None:
    click.echo(f"flamenco: {error}", err=True)


def cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return str(value)


def progress_text(done: int, total: int) -> str:
    """`12/40 (30%)`, or nothing if there is nothing to count."""
    return f"{done}/{total} ({100 * done // total}%)" if total else ""


def size_text(count: int) -> str:
    """So many bytes, as people say it: `1.5 GB`."""
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "bytes" else f"{count} bytes"


def _stdout_console() -> Console:
    is_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        width=None if is_terminal else _WIDTH_WITHOUT_TERMINAL,
        highlight=False,
        soft_wrap=False,
    )


@contextmanager
def progress_bars(*columns: ProgressColumn, quiet: bool, transient: bool) -> Iterator[Progress]:
    """Progress bars on stderr; without a terminal there are none.

    `transient`: they vanish at the end.
    """
    console = Console(stderr=True, highlight=False)
    is_off = quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=is_off, transient=transient) as progress:
        yield progress
