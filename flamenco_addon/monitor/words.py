"""What the tab says, and the icon beside it: statuses, progress, times, news."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from flamenco_core.statuses import JobStatus, TaskStatus

from ..language import tr
from .jobs_board import JobRow
from .liveness import Liveness, LivenessState

if TYPE_CHECKING:
    from ..blender_types import Icon

JOB_ICONS: Mapping[JobStatus, Icon] = MappingProxyType(
    {
        JobStatus.UNDER_CONSTRUCTION: "IMPORT",
        JobStatus.QUEUED: "TIME",
        JobStatus.ACTIVE: "RENDER_ANIMATION",
        JobStatus.COMPLETED: "CHECKMARK",
        JobStatus.FAILED: "ERROR",
        JobStatus.PAUSE_REQUESTED: "PAUSE",
        JobStatus.PAUSED: "PAUSE",
        JobStatus.CANCEL_REQUESTED: "X",
        JobStatus.CANCELED: "X",
        JobStatus.REQUEUEING: "FILE_REFRESH",
    }
)
TASK_ICONS: Mapping[TaskStatus, Icon] = MappingProxyType(
    {
        TaskStatus.QUEUED: "TIME",
        TaskStatus.ACTIVE: "PLAY",
        TaskStatus.COMPLETED: "CHECKMARK",
        TaskStatus.SOFT_FAILED: "LOOP_BACK",
        TaskStatus.FAILED: "ERROR",
        TaskStatus.PAUSED: "PAUSE",
        TaskStatus.CANCELED: "X",
    }
)

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def job_status(status: JobStatus) -> str:
    match status:
        case JobStatus.UNDER_CONSTRUCTION:
            return tr("Being Stored")
        case JobStatus.QUEUED:
            return tr("Queued")
        case JobStatus.ACTIVE:
            return tr("Active")
        case JobStatus.COMPLETED:
            return tr("Completed")
        case JobStatus.FAILED:
            return tr("Failed")
        case JobStatus.PAUSE_REQUESTED:
            return tr("Pausing")
        case JobStatus.PAUSED:
            return tr("Paused")
        case JobStatus.CANCEL_REQUESTED:
            return tr("Canceling")
        case JobStatus.CANCELED:
            return tr("Canceled")
        case JobStatus.REQUEUEING:
            return tr("Queueing Again")


def task_status(status: TaskStatus) -> str:
    match status:
        case TaskStatus.QUEUED:
            return tr("Queued")
        case TaskStatus.ACTIVE:
            return tr("Active")
        case TaskStatus.COMPLETED:
            return tr("Completed")
        case TaskStatus.SOFT_FAILED:
            return tr("Failed, Tries Elsewhere")
        case TaskStatus.FAILED:
            return tr("Failed")
        case TaskStatus.PAUSED:
            return tr("Paused")
        case TaskStatus.CANCELED:
            return tr("Canceled")


def row_status(row: JobRow) -> str:
    """The status of a job, with what no status says."""
    if row.is_being_deleted:
        return tr("Being Deleted")
    if row.is_archived:
        return tr("Archived")
    return job_status(row.status)


def progress_short(row: JobRow) -> str:
    """For a progress bar in a list: `37 / 120`."""
    if row.frames_total is not None:
        return f"{row.frames_done} / {row.frames_total}"
    return f"{row.fraction:.0%}"


def progress(row: JobRow) -> str:
    """`37 of 120 frames`."""
    if row.frames_total == 1:
        return tr("{done} of 1 frame").format(done=row.frames_done)
    if row.frames_total is not None:
        return tr("{done} of {total} frames").format(done=row.frames_done, total=row.frames_total)
    done, total = row.tasks_with(TaskStatus.COMPLETED), row.tasks_total
    if total == 1:
        return tr("{done} of 1 task").format(done=done)
    return tr("{done} of {total} tasks").format(done=done, total=total)


def time_left(seconds: float | None) -> str:
    """For people, no more exact than it can be: `12 min`; empty if it is not known."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return tr("< 1 min")
    if seconds < _HOUR:
        return tr("{minutes} min").format(minutes=round(seconds / _MINUTE))
    if seconds < _DAY:
        minutes = round(seconds / _MINUTE / 5) * 5
        return tr("{hours} h {minutes:02} min").format(hours=minutes // 60, minutes=minutes % 60)
    return tr("{days} d {hours} h").format(
        days=int(seconds // _DAY), hours=round(seconds % _DAY / _HOUR)
    )


def failures(row: JobRow) -> str:
    """`2 tasks have failed`; empty if none has."""
    count = row.tasks_with(TaskStatus.FAILED, TaskStatus.SOFT_FAILED)
    if not count:
        return ""
    if count == 1:
        return tr("1 task has failed")
    return tr("{count} tasks have failed").format(count=count)


def ended(row: JobRow) -> tuple[str, str]:
    """The icon and the sentence about a job that has just ended."""
    match row.status:
        case JobStatus.COMPLETED if row.frames_total:
            text = tr("{name} is done: {frames}").format(name=row.name, frames=progress(row))
            return "CHECKMARK", text
        case JobStatus.COMPLETED:
            return "CHECKMARK", tr("{name} is done").format(name=row.name)
        case JobStatus.CANCELED:
            return "X", tr("{name} was canceled").format(name=row.name)
    reason = failures(row)
    if not reason:
        return "ERROR", tr("{name} has failed").format(name=row.name)
    return "ERROR", tr("{name} has failed: {reason}").format(name=row.name, reason=reason)


def liveness(now: Liveness) -> str:
    """How it stands with the connection, in words; empty if all is well."""
    match now.state:
        case LivenessState.LIVE | LivenessState.RESTING:
            return ""
        case LivenessState.CONNECTING:
            return tr("Asking the Manager …")
        case LivenessState.SILENT:
            return tr("The Manager does not answer at the moment. What you see may be old.")
        case LivenessState.REFUSED:
            return now.reason
        case LivenessState.AWAY:
            return tr("The Manager is away. What you see may be old; it goes on by itself.")
