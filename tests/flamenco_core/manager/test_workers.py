"""Workers: hand-outs, lost answers, failures, and coming and going."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flamenco_core.errors import Conflict, InvalidInput
from flamenco_core.manager import MANAGER, Manager, MustChangeStatus, NoTask
from flamenco_core.model import (
    AssignedTask,
    HeldTask,
    TaskRequest,
    TaskStatusChange,
    TaskUpdate,
    WorkerAbilities,
    WorkerRegistration,
    WorkerSignOn,
    WorkerSlot,
    WorkerStatusChangeRequest,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    fail,
    report,
    statuses,
    store,
    take,
    take_or_none,
)


def test_a_task_whose_answer_was_lost_is_handed_out_again_as_the_same_attempt(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    lost = take(manager, worker)
    assert take(manager, worker) == lost


def test_a_worker_that_has_not_heard_who_it_is_gets_the_same_answer_again(
    manager: Manager,
) -> None:
    registration = WorkerRegistration(
        name="desk", secret="00ff" * 16, platform="linux", supported_task_types=["blender"]
    )
    first = manager.register_worker(registration, address="127.0.0.1")
    again = manager.register_worker(registration, address="127.0.0.1")
    assert again == first
    other = replace(registration, secret="ff00" * 16)
    assert manager.register_worker(other, address="127.0.0.1").uuid != first.uuid
    sign_on = WorkerSignOn(name="desk", supported_task_types=["blender"], software_version="1.0")
    manager.sign_on(first.uuid, sign_on, address="127.0.0.1")
    # Whoever is known by now has an identity to keep.
    assert manager.register_worker(registration, address="127.0.0.1").uuid != first.uuid


def test_a_slot_that_says_what_it_holds_gets_something_else(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    first = take(manager, worker)
    held = HeldTask(task=first.uuid, attempt=first.attempt or 0)
    second = manager.next_task(worker, TaskRequest(holding=[held]))
    assert isinstance(second, AssignedTask)
    assert second.uuid != first.uuid


def test_slots_of_one_worker_have_tasks_of_their_own(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    tasks = [manager.next_task(worker, TaskRequest(slot=slot)) for slot in (0, 1, 1)]
    assert all(isinstance(task, AssignedTask) for task in tasks)
    assert tasks[0] != tasks[1]
    assert tasks[1] == tasks[2]


def test_an_update_of_an_older_attempt_is_refused_and_its_log_kept_apart(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    first = take(manager, worker)
    manager.sign_off(worker)
    manager.sign_on(
        worker,
        WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1"),
        address="",
    )
    manager.worker_state_changed(worker, WorkerStatus.AWAKE)
    second = take(manager, worker)
    assert (first.attempt, second.attempt) == (1, 2)
    late = report(manager, worker, first, TaskStatus.COMPLETED, log="from the first attempt")
    assert not late.is_accepted
    assert statuses(manager, job) == ["active"]
    log = manager.task_log(first.uuid)
    assert log.index("from the first attempt") < log.index("attempt 2")


def test_a_worker_of_flamenco_3_needs_no_attempt_numbers(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    update = TaskUpdate(taskStatus=TaskStatus.COMPLETED, activity="Completed")
    assert manager.update_task(worker, task.uuid, update).is_accepted
    assert manager.job(job).status == JobStatus.COMPLETED


def test_an_update_by_another_worker_is_refused(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    answer = report(manager, other, task, TaskStatus.COMPLETED)
    assert answer.reason == "the task is not assigned to this worker"
    assert statuses(manager, job) == ["active"]


def test_a_worker_cannot_report_statuses_that_are_the_managers_to_give(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    with pytest.raises(InvalidInput, match="taskStatus"):
        report(manager, worker, task, TaskStatus.SOFT_FAILED)


def test_steps_beyond_the_total_are_capped(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    manager.update_task(worker, task.uuid, TaskUpdate(steps_completed=99))
    assert manager.job(job).steps_completed == 1


def test_a_failed_task_is_tried_by_another_worker_and_not_by_the_same(manager: Manager) -> None:
    first, second = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(1))
    fail(manager, first, take(manager, first))
    assert statuses(manager, job) == ["soft-failed"]
    assert take_or_none(manager, first) is None
    complete(manager, second, take(manager, second))
    assert manager.job(job).status == JobStatus.COMPLETED


def test_a_farm_of_two_survives_the_first_failure(manager: Manager) -> None:
    first, second = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(2))
    fail(manager, first, take(manager, first))
    assert manager.job(job).status in (JobStatus.QUEUED, JobStatus.ACTIVE)
    complete(manager, second, take(manager, second))


def test_a_task_fails_for_good_when_no_other_worker_could_try(manager: Manager) -> None:
    only = awake_worker(manager)
    awake_worker(manager, "ffmpeg")
    job = store(manager, compiled_job(1))
    task = take(manager, only)
    fail(manager, only, task)
    assert statuses(manager, job) == ["failed"]
    assert manager.job(job).status == JobStatus.FAILED
    assert "no other worker left" in manager.task_log(task.uuid)


def test_a_task_fails_for_good_at_exactly_the_limit(manager: Manager) -> None:
    workers = [awake_worker(manager) for _ in range(4)]
    job = store(manager, compiled_job(20))
    task = manager.tasks(job)[0].id
    seen = []
    for worker in workers[:3]:
        taken = take(manager, worker)
        assert taken.uuid == task
        fail(manager, worker, taken)
        seen.append(statuses(manager, job)[0])
    assert seen == ["soft-failed", "soft-failed", "failed"]
    assert manager.job(job).status != JobStatus.FAILED


def test_a_worker_is_blocked_at_exactly_the_limit(manager: Manager) -> None:
    bad, _good = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(30))
    for _ in range(3):
        fail(manager, bad, take(manager, bad))
    assert take_or_none(manager, bad) is None


def test_a_blocked_worker_goes_on_with_other_jobs(manager: Manager) -> None:
    bad, _good = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(30))
    other = store(manager, compiled_job(1))
    for _ in range(3):
        fail(manager, bad, take(manager, bad))
    assert take(manager, bad).job == other


def test_requeueing_a_failed_job_forgives_its_workers(manager: Manager) -> None:
    only = awake_worker(manager)
    job = store(manager, compiled_job(1))
    fail(manager, only, take(manager, only))
    ask(manager, job, JobStatus.REQUEUEING)
    complete(manager, only, take(manager, only))
    assert manager.job(job).status == JobStatus.COMPLETED


def test_signing_off_gives_the_task_back_without_calling_it_a_failure(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    manager.sign_off(worker)
    assert statuses(manager, job) == ["queued"]
    assert take(manager, other).attempt == (task.attempt or 0) + 1


def test_a_worker_that_was_asleep_when_it_went_is_asked_to_sleep_again(manager: Manager) -> None:
    worker = awake_worker(manager)
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    manager.sign_off(worker)
    sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
    answer = manager.sign_on(worker, sign_on, address="")
    assert answer.status_requested == WorkerStatus.ASLEEP


def test_an_asked_for_status_stands_before_any_task(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    request = WorkerStatusChangeRequest(status=WorkerStatus.ASLEEP, is_lazy=True)
    manager.request_worker_status(worker, request, actor=MANAGER)
    assert manager.next_task(worker) == MustChangeStatus(WorkerStatus.ASLEEP)
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    assert manager.worker_state(worker) is None
    with pytest.raises(Conflict, match="is asleep"):
        manager.next_task(worker)


@pytest.mark.parametrize(("is_lazy", "may_run"), [(True, True), (False, False)])
def test_only_a_request_that_is_not_lazy_ends_a_running_task(
    manager: Manager, is_lazy: bool, may_run: bool
) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    request = WorkerStatusChangeRequest(status=WorkerStatus.OFFLINE, is_lazy=is_lazy)
    manager.request_worker_status(worker, request, actor=MANAGER)
    answer = manager.may_keep_running(worker, task.uuid)
    assert answer.mayKeepRunning is may_run
    assert answer.statusChangeRequested is not may_run


def test_a_restart_is_refused_for_a_worker_that_nothing_would_start_again(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    request = WorkerStatusChangeRequest(status=WorkerStatus.RESTART, is_lazy=False)
    with pytest.raises(Conflict, match="started again"):
        manager.request_worker_status(worker, request, actor=MANAGER)


def test_signs_of_life_are_written_with_the_next_commit(manager: Manager, clock: FakeClock) -> None:
    worker = awake_worker(manager)
    clock.advance(timedelta(minutes=1))
    manager.worker_state(worker)
    with manager.reader() as reader:
        before = reader.worker(worker)["last_seen"]
        manager.store_last_seen()
        assert reader.worker(worker)["last_seen"] > before


def test_only_the_right_secret_is_accepted(manager: Manager) -> None:
    registration = WorkerRegistration(
        name="w", secret="right", platform="linux", supported_task_types=["blender"]
    )
    worker = manager.register_worker(registration, address="")
    with manager.reader() as reader:
        assert reader.worker_is(worker.uuid, "right")
        assert not reader.worker_is(worker.uuid, "wrong")
        assert not reader.worker_is("00000000-0000-0000-0000-000000000000", "right")


def test_commands_reach_the_worker_with_its_platforms_values(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    parameters = take(manager, worker).commands[0].parameters
    assert parameters["exe"] == "blender"
    assert parameters["exeArgs"] == "-b -y"
    jobs = manager.config.job_storage.as_posix()
    assert parameters["blendfile"] == f"{jobs}/shot/scene.blend"


def prefetched(manager: Manager, worker: str) -> AssignedTask:
    task = manager.next_task(worker, TaskRequest(prefetch=True))
    assert isinstance(task, AssignedTask)
    return task


def holding(task: AssignedTask, *, prefetch: bool = False) -> TaskRequest:
    held = HeldTask(task=task.uuid, attempt=task.attempt or 0)
    return TaskRequest(holding=[held], prefetch=prefetch)


def test_a_prefetched_task_stays_queued_and_nobody_else_gets_it(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = prefetched(manager, worker)
    assert (task.status, task.attempt) == (TaskStatus.QUEUED, 1)
    assert statuses(manager, job) == ["queued"]
    assert take_or_none(manager, awake_worker(manager)) is None
    assert manager.job(job).status == JobStatus.QUEUED


def test_a_prefetched_task_becomes_active_when_its_worker_reports_the_start(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(2))
    running = take(manager, worker)
    reserved = manager.next_task(worker, holding(running, prefetch=True))
    assert isinstance(reserved, AssignedTask)
    complete(manager, worker, running)
    assert report(manager, worker, reserved, TaskStatus.ACTIVE).is_accepted
    assert statuses(manager, job) == ["completed", "active"]
    assert complete(manager, worker, reserved).is_accepted
    assert manager.job(job).status == JobStatus.COMPLETED


def test_asking_for_a_task_gives_the_slot_what_was_reserved_for_it(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    reserved = prefetched(manager, worker)
    task = take(manager, worker)
    assert (task.uuid, task.attempt) == (reserved.uuid, reserved.attempt)
    assert task.status == TaskStatus.ACTIVE


def test_a_slot_has_at_most_one_task_reserved(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    assert prefetched(manager, worker) == prefetched(manager, worker)


def test_an_expired_reservation_frees_the_task_and_is_no_failure(
    manager: Manager, clock: FakeClock
) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    reserved = prefetched(manager, worker)
    clock.advance(timedelta(minutes=2))
    manager.release_expired()
    assert not report(manager, worker, reserved, TaskStatus.ACTIVE).is_accepted
    task = take(manager, other)
    assert (task.uuid, task.attempt) == (reserved.uuid, 2)


def test_a_reserved_task_goes_back_when_its_worker_signs_off(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    prefetched(manager, worker)
    manager.sign_off(worker)
    assert take_or_none(manager, other) is not None


def test_a_reserved_task_of_a_cancelled_job_cannot_be_started(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    reserved = prefetched(manager, worker)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    assert not report(manager, worker, reserved, TaskStatus.ACTIVE).is_accepted
    assert statuses(manager, job) == ["canceled"]


def test_a_poll_alone_writes_nothing_to_the_disk(manager: Manager) -> None:
    worker = awake_worker(manager)
    before = manager._db.total_changes
    manager.worker_state(worker)
    manager.next_task(worker)
    assert manager._db.total_changes == before


GPU_TASK = compiled_task("on the GPU", requirements={"device": "gpu", "memory_gb": ">=16"})


def test_a_task_goes_only_to_a_worker_that_meets_its_requirements(manager: Manager) -> None:
    small = awake_worker(manager, capabilities={"device": "gpu", "memory_gb": "8"})
    large = awake_worker(manager, capabilities={"device": "gpu", "memory_gb": "24"})
    job = store(manager, compiled_job([GPU_TASK]))
    assert take_or_none(manager, small) is None
    (why_not,) = manager.why_not(small, job)
    assert [reason.what for reason in why_not.reasons] == ["worker worker lacks memory_gb >=16"]
    assert take(manager, large).name == "on the GPU"


def test_a_worker_that_comes_back_with_more_is_matched_anew(manager: Manager) -> None:
    worker = awake_worker(manager, capabilities={"device": "cpu"})
    store(manager, compiled_job([GPU_TASK]))
    assert take_or_none(manager, worker) is None
    sign_on = WorkerSignOn(
        name="w",
        supported_task_types=["blender"],
        software_version="1",
        capabilities={"device": "gpu", "memory_gb": "16"},
    )
    manager.sign_on(worker, sign_on, address="")
    manager.worker_state_changed(worker, WorkerStatus.AWAKE)
    assert take(manager, worker).name == "on the GPU"


def test_tasks_without_requirements_go_to_anybody(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job([GPU_TASK, compiled_task("anywhere")]))
    assert take(manager, worker).name == "anywhere"
    assert take_or_none(manager, awake_worker(manager)) is None


def test_an_update_that_comes_twice_counts_once(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    for update in (
        TaskUpdate(log="hello", attempt=task.attempt, update_id="1"),
        TaskUpdate(taskStatus=TaskStatus.COMPLETED, log="bye", attempt=task.attempt, update_id="2"),
    ):
        for _ in range(2):
            assert manager.update_task(worker, task.uuid, update).is_accepted
    log = manager.task_log(task.uuid)
    assert (log.count("hello"), log.count("bye")) == (1, 1)
    assert statuses(manager, job) == ["completed"]


@pytest.mark.parametrize("attempt", [1, None])
@pytest.mark.parametrize(
    ("end", "other"),
    [(TaskStatus.COMPLETED, TaskStatus.FAILED), (TaskStatus.FAILED, TaskStatus.COMPLETED)],
)
def test_an_end_that_is_told_twice_counts_once_and_another_end_is_refused(
    manager: Manager, attempt: int | None, end: TaskStatus, other: TaskStatus
) -> None:
    worker = awake_worker(manager)
    awake_worker(manager)
    job = store(manager, compiled_job(20))
    task = take(manager, worker)
    for _ in range(3):
        update = TaskUpdate(taskStatus=end, attempt=attempt)
        assert manager.update_task(worker, task.uuid, update).is_accepted
    refused = manager.update_task(worker, task.uuid, TaskUpdate(taskStatus=other, attempt=attempt))
    assert not refused.is_accepted
    expected = "completed" if end is TaskStatus.COMPLETED else "soft-failed"
    assert refused.reason == f"the task is {expected}"
    assert statuses(manager, job)[0] == expected
    found = manager.job(job)
    assert found.steps_completed == (1 if end is TaskStatus.COMPLETED else 0)
    assert len(manager.block_list(job)) == 0


def test_an_end_that_is_told_twice_is_refused_once_the_task_is_wanted_again(
    manager: Manager,
) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    complete(manager, worker, task)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="once more")
    manager.set_task_status(task.uuid, change, actor=MANAGER)
    assert complete(manager, worker, task).reason == "the task is queued"
    again = take(manager, other)
    assert not complete(manager, worker, task).is_accepted
    complete(manager, other, again)
    assert complete(manager, other, again).is_accepted
    assert not complete(manager, worker, task).is_accepted


def test_an_update_that_was_refused_is_refused_when_it_comes_again(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    late = TaskUpdate(
        taskStatus=TaskStatus.COMPLETED, log="bye", attempt=task.attempt, update_id="1"
    )
    answers = [manager.update_task(worker, task.uuid, late) for _ in range(2)]
    assert {(answer.is_accepted, answer.reason) for answer in answers} == {
        (False, "the task is canceled")
    }
    assert manager.task_log(task.uuid).count("bye") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_no_worker_may_go_on_with_fails(manager: Manager, workers: int) -> None:
    farm = [awake_worker(manager) for _ in range(workers)]
    awake_worker(manager, "ffmpeg")
    job = store(manager, compiled_job(100))
    while manager.job(job).status in (JobStatus.QUEUED, JobStatus.ACTIVE):
        tasks = [(worker, take_or_none(manager, worker)) for worker in farm]
        assert any(task for _, task in tasks), "the job goes on, and nobody gets anything of it"
        for worker, task in tasks:
            if task:
                fail(manager, worker, task)
    assert manager.job(job).status == JobStatus.FAILED
    assert manager.job(job).activity == "no worker is left that may run its blender tasks"


def test_a_task_that_only_blocked_workers_could_try_fails_for_good(manager: Manager) -> None:
    first, second = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(100))
    failed_by_first = take(manager, first)
    fail(manager, first, failed_by_first)
    held = take(manager, second)
    assert held.uuid == failed_by_first.uuid
    manager.sign_off(second)
    sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
    manager.sign_on(second, sign_on, address="")
    manager.worker_state_changed(second, WorkerStatus.AWAKE)
    for _ in range(3):
        fail(manager, second, take(manager, second))
    assert not any(task for task in statuses(manager, job) if task == "active")
    assert manager.check() == []


def test_a_worker_that_comes_back_asleep_gives_its_task_back(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    take(manager, worker)
    sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
    manager.sign_on(worker, sign_on, address="")
    assert take_or_none(manager, other) is None
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    assert take_or_none(manager, other) is not None


def test_a_worker_that_comes_back_without_the_task_type_gives_its_task_back(
    manager: Manager,
) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    take(manager, worker)
    sign_on = WorkerSignOn(name="w", supported_task_types=["ffmpeg"], software_version="1")
    manager.sign_on(worker, sign_on, address="")
    assert take_or_none(manager, other) is not None


def slot(number: int, task_type: str, **capabilities: str) -> WorkerSlot:
    return WorkerSlot(slot=number, task_types=[task_type], capabilities=capabilities)


def test_a_slot_gets_what_it_has_the_device_for_and_the_checks_agree(manager: Manager) -> None:
    worker = awake_worker(manager, capabilities={"memory_gb": "64", "device": "cpu, gpu"})
    slots = [slot(0, "blender", device="gpu"), slot(1, "blender", device="cpu")]
    abilities = WorkerAbilities(
        supported_task_types=["blender"],
        capabilities={"memory_gb": "64", "device": "cpu, gpu"},
        slots=slots,
    )
    manager.worker_abilities_changed(worker, abilities)
    store(manager, compiled_job([GPU_TASK]))
    manager.check(repair=True)
    assert manager.check() == []
    assert isinstance(manager.next_task(worker, TaskRequest(slot=1)), NoTask)
    found = manager.next_task(worker, TaskRequest(slot=0))
    assert isinstance(found, AssignedTask)
    assert found.name == "on the GPU"


def test_a_worker_none_of_whose_slots_can_take_a_task_does_not_count_for_it(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    abilities = WorkerAbilities(
        supported_task_types=["blender", "misc"],
        capabilities={"memory_gb": "64"},
        slots=[slot(0, "blender", device="cpu"), slot(1, "misc", device="gpu")],
    )
    manager.worker_abilities_changed(worker, abilities)
    job = store(manager, compiled_job([GPU_TASK]))
    (why_not,) = manager.why_not(worker, job)
    assert [reason.condition for reason in why_not.reasons] == ["slot"]
    assert isinstance(manager.next_task(worker), NoTask)
    assert manager.worker_match(worker).task_classes == {}


def test_a_worker_without_name_secret_or_platform_is_not_registered(manager: Manager) -> None:
    registration = WorkerRegistration(
        name=" ", secret=" ", platform="", supported_task_types=["misc"]
    )
    with pytest.raises(InvalidInput) as refused:
        manager.register_worker(registration, address="127.0.0.1")
    assert [problem.where for problem in refused.value.problems] == ["name", "secret", "platform"]
    assert manager.workers() == []
