"""Files that get their final name only when they are finished and verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from flamenco_worker.commands.base import CommandContext, CommandFailed


@contextmanager
def partial_file(context: CommandContext, output: Path) -> Iterator[Path]:
    """A path beside `output` to write to, which becomes `output` if the block does not raise.

    Nobody sees half a file under the final name. The suffix stays, as it says which format it is.

    Raises:
        CommandFailed: if the file cannot be written.
    """
    partial = output.with_name(f".{output.stem}-{uuid4().hex[:8]}{output.suffix}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(output)
        context.statistics.add_outputs([output])
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandFailed(f"Cannot write {output}: {reason}") from error
    finally:
        partial.unlink(missing_ok=True)
