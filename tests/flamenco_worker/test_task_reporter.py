from __future__ import annotations

from flamenco_core.model import AssignedTask, TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.task_reporter import LOG_CHUNK, LONGEST_LINE, REPORT_EVERY, TaskReporter

TASK = AssignedTask(
    uuid="11111111-1111-4111-8111-111111111111",
    job="22222222-2222-4222-8222-222222222222",
    name="task",
    status=TaskStatus.QUEUED,
    priority=50,
    job_priority=50,
    job_type="test",
    task_type="misc",
    commands=[],
    steps_completed=0,
    steps_total=3,
    attempt=4,
)


class Desk:
    """A reporter, its clock, and what it has sent."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[TaskUpdate] = []
        self.reporter = TaskReporter(TASK, lambda _id, update: self.sent.append(update), self.clock)

    def clock(self) -> float:
        return self.now


def test_every_update_carries_the_attempt() -> None:
    desk = Desk()
    desk.reporter.started()
    desk.reporter.log("text")
    desk.reporter.completed()
    assert [update.attempt for update in desk.sent] == [4, 4, 4]
    assert desk.sent[0].taskStatus is TaskStatus.ACTIVE
    assert desk.sent[-1].taskStatus is TaskStatus.COMPLETED


def test_lines_steps_and_activity_travel_together_when_their_time_has_come() -> None:
    desk = Desk()
    desk.reporter.log("one")
    desk.reporter.log("two")
    desk.reporter.step()
    desk.reporter.activity("rendering")
    desk.reporter.activity("still rendering")
    desk.reporter.tick()
    assert desk.sent == []
    desk.now += REPORT_EVERY.total_seconds()
    desk.reporter.tick()
    assert desk.sent == [
        TaskUpdate(log="one\ntwo\n", activity="still rendering", steps_completed=1, attempt=4)
    ]
    desk.now += REPORT_EVERY.total_seconds()
    desk.reporter.tick()
    assert len(desk.sent) == 1


def test_much_text_does_not_wait() -> None:
    desk = Desk()
    desk.reporter.log("x" * LOG_CHUNK)
    assert [update.log for update in desk.sent] == ["x" * LOG_CHUNK + "\n"]


def test_a_line_without_end_is_cut() -> None:
    desk = Desk()
    desk.reporter.log("x" * (LONGEST_LINE + 5))
    desk.reporter.flush()
    assert [len(update.log or "") for update in desk.sent] == [LONGEST_LINE + 1, 6]


def test_steps_never_exceed_those_of_the_task_nor_go_back() -> None:
    desk = Desk()
    for _frame in range(5):
        desk.reporter.step()
    desk.reporter.count_steps(1)
    desk.reporter.flush()
    assert [update.steps_completed for update in desk.sent] == [3]


def test_a_failure_stands_in_the_log_and_in_the_activity() -> None:
    desk = Desk()
    desk.reporter.failed("no camera")
    assert desk.sent[0].log == "task failed: no camera\n"
    assert desk.sent[1].activity == "Failed: no camera"
    assert desk.sent[1].taskStatus is TaskStatus.FAILED
