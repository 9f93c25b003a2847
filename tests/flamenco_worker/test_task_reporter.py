from __future__ import annotations

from flamenco_core.errors import StorageError
from flamenco_core.model import AssignedTask, TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.task_reporter import (
    LOG_CHUNK,
    LONGEST_LINE,
    MOST_HELD_BACK,
    REPORT_EVERY,
    TaskReporter,
)

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
        self.has_room = True
        self.reporter = TaskReporter(TASK, self.send, self.clock)

    def send(self, _task_id: str, update: TaskUpdate) -> None:
        if not self.has_room:
            raise StorageError("the disk is full")
        self.sent.append(update)

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


def test_what_cannot_be_kept_is_held_back_and_sent_later_in_its_order() -> None:
    desk = Desk()
    desk.has_room = False
    desk.reporter.started()
    desk.reporter.log("one")
    desk.reporter.step()
    desk.reporter.completed()
    assert not desk.reporter.flush()
    desk.has_room = True
    desk.now += REPORT_EVERY.total_seconds()
    desk.reporter.tick()
    assert desk.sent == [
        TaskUpdate(taskStatus=TaskStatus.ACTIVE, activity="Started", attempt=4),
        TaskUpdate(log="one\n", steps_completed=1, attempt=4),
        TaskUpdate(taskStatus=TaskStatus.COMPLETED, activity="Completed", attempt=4),
    ]
    assert desk.reporter.flush()


def test_what_is_held_back_does_not_grow_without_bound() -> None:
    desk = Desk()
    desk.has_room = False
    desk.reporter.started()
    for number in range(MOST_HELD_BACK + 50):
        desk.reporter.log(f"{number} ".ljust(LOG_CHUNK))
    desk.has_room = True
    desk.reporter.completed()
    texts = [update.log or "" for update in desk.sent]
    assert len(desk.sent) <= MOST_HELD_BACK
    assert desk.sent[0].taskStatus is TaskStatus.ACTIVE
    assert texts[1].startswith("[text is missing here")
    assert texts[-2].startswith(f"{MOST_HELD_BACK + 49} ")
    assert desk.sent[-1].taskStatus is TaskStatus.COMPLETED


def test_no_character_is_sent_that_a_manager_may_refuse() -> None:
    desk = Desk()
    desk.reporter.log("nul \0, surrogate \udce9, é")
    desk.reporter.failed("no /x/\udce9.blend")
    assert desk.sent[0].log == "nul ?, surrogate ?, é\ntask failed: no /x/?.blend\n"
    assert desk.sent[1].activity == "Failed: no /x/?.blend"
