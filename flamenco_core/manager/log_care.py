"""The part of `Manager` that puts log text into files; see `log_files`."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core.manager import log_files
from flamenco_core.manager.opening import OpenFarm


class LogCare(OpenFarm):
    """What the background work with task logs asks of the database."""

    def waiting_log_chunks(self, *, limit: int) -> list[log_files.WaitingChunk]:
        """Log text that is not in a file yet; see `log_files`."""
        return log_files.waiting(self._db, limit=limit)

    def log_backlog(self) -> int:
        """About how many pieces of log text are not in a file yet."""
        return log_files.backlog(self._db)

    def drop_log_chunks(self, chunks: Sequence[log_files.WaitingChunk]) -> None:
        """Forgets log text that is on disk in its file."""
        with self.unit_of_work():
            log_files.drop(self._db, chunks)

    def logs_to_compress(
        self, *, limit: int, after: log_files.FinishedLog | None = None
    ) -> list[log_files.FinishedLog]:
        """Logs of attempts that are over, to be compressed with `log_files.compress`."""
        return log_files.to_compress(self._db, limit=limit, after=after)

    def logs_compressed(self, finished: Sequence[log_files.FinishedLog]) -> None:
        """Forgets logs that are compressed now."""
        with self.unit_of_work():
            log_files.compressed(self._db, finished)
