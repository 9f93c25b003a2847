"""Does what an operator asks of the Manager: on another thread, with its failure in words.

Without a window (`blender --background`, the `bpy` module) it waits for the answer, so that
scripts know whether it was done: a failure raises there, as Blender's operators do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

import bpy

from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.errors import FlamencoError

from .. import background, connection
from ..blender_types import OperatorResult
from ..language import tr
from . import live, notices
from .manager_sentences import read_form, said

PATIENCE = timedelta(minutes=10)
"""A Manager answers to a change of many tasks only when all of it is stored."""
T = TypeVar("T")


def ask_manager(
    operator: bpy.types.Operator,
    ask: Callable[[AccountsClient], T],
    *,
    then: Callable[[T], object] | None = None,
) -> OperatorResult:
    """Calls `ask` on another thread, then `then` on the main thread; what execute() returns."""
    now = connection.current()
    if not now.url:
        operator.report({"ERROR"}, said(now.condition.sentence))
        return {"CANCELLED"}

    def asked() -> T:
        with now.client() as client:
            return ask(client)

    return carry_out(operator, asked, then=then)


def carry_out(
    operator: bpy.types.Operator,
    function: Callable[[], T],
    *,
    then: Callable[[T], object] | None = None,
) -> OperatorResult:
    """The same with any function that touches no Blender."""
    failures: list[str] = []
    name = operator.bl_label

    def failed(error: Exception) -> None:
        text = (
            said(str(error))
            if isinstance(error, FlamencoError)
            else f"{type(error).__name__}: {error}"
        )
        failures.append(text)
        if not bpy.app.background:
            _tell(tr(name), error, text)

    work = background.run(function, then=then, failed=failed, name=name)
    if not bpy.app.background:
        return {"FINISHED"}
    if not background.wait_for(work, PATIENCE):
        failures.append(tr("The Manager did not answer in time"))
    for text in failures:
        operator.report({"ERROR"}, text)
    return {"CANCELLED"} if failures else {"FINISHED"}


def _tell(action: str, error: Exception, text: str) -> None:
    """What came too late is no failure: the farm goes on while the artist looks for the button."""
    if isinstance(error, ManagerRefused) and error.status == HTTPStatus.CONFLICT:
        _, names = read_form(str(error))
        reason = said(names["reason"]) if "reason" in names else text
        sentence = tr("{action} is not possible now: {reason}")
        notices.tell("INFO", sentence.format(action=action, reason=reason))
        return
    notices.tell("ERROR", tr("{action} failed: {reason}").format(action=action, reason=text))


class AboutJob:
    """Makes an operator one about a job. A mix-in."""

    job_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Job",
        description="The id of the job; empty for the job that is open in the Flamenco tab",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def chosen_job(self) -> str:
        """Its own, else the open one; empty if there is none."""
        return self.job_id or live.shown.open_job_id


class AboutTask:
    """Makes an operator one about a task. A mix-in."""

    task_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Task",
        description="The id of the task; empty for the one that is selected in the Flamenco tab",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def chosen_task(self) -> str:
        """Its own, else the one that is looked at; empty if there is none."""
        return self.task_id or live.shown.open_task_id


def none_is_selected(operator: bpy.types.Operator, sentence: str) -> OperatorResult:
    """What an operator returns that is about nothing; `sentence` says of what there is none."""
    operator.report({"ERROR"}, sentence)
    return {"CANCELLED"}


def tooltip(description: str, refusal: str) -> str:
    """What an action does and, if it is refused, why it is not possible now."""
    text = tr(description)
    if refusal:
        text += "\n\n" + tr("Not possible now: {reason}").format(reason=tr(refusal))
    return text
