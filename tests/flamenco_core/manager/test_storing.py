"""Jobs are stored in steps, and a step may have to be done twice."""

from __future__ import annotations

from unittest.mock import patch

from flamenco_core.manager import MANAGER, Manager
from tests.flamenco_core.farms import compiled_job, compiled_task, statuses, store


def test_a_step_of_storing_a_job_can_be_done_again_after_its_transaction_was_lost(
    manager: Manager,
) -> None:
    frames = [compiled_task(f"frame-{index}") for index in range(4)]
    video = compiled_task("video", depends_on=[0, 1])
    other_video = compiled_task("other video", depends_on=[2, 3])
    job = compiled_job([*frames, video, other_video])
    with patch("flamenco_core.manager.submission.PIECE_SIZE", 2):
        for step in manager.storing(job, actor=MANAGER):
            take_back(manager, step)
            # Somebody else's groups get the keys that were given back.
            store(manager, compiled_job([compiled_task(), compiled_task(depends_on=[0])]))
            step()
    assert manager.job(job.id).status == "queued"
    assert statuses(manager, job.id) == ["queued"] * 6
    assert manager.check() == []
    assert parents(manager, video.id) == ["frame-0", "frame-1"]
    assert parents(manager, other_video.id) == ["frame-2", "frame-3"]


def test_a_job_that_is_half_stored_adds_up_and_is_not_repaired(manager: Manager) -> None:
    frames = [compiled_task(f"frame-{index}") for index in range(4)]
    video = compiled_task("video", depends_on=[0, 1, 2, 3])
    job = compiled_job([*frames, video])
    with patch("flamenco_core.manager.submission.PIECE_SIZE", 2):
        for step in manager.storing(job, actor=MANAGER):
            step()
            assert manager.check() == []
            assert manager.check(repair=True) == []
    assert parents(manager, video.id) == [frame.name for frame in frames]
    assert manager.check() == []


def take_back(manager: Manager, step: object) -> None:
    """Does a step in a transaction that ends without being kept, as on a full disk."""
    assert callable(step)
    try:
        with manager.unit_of_work():
            step()
            raise OSError("the disk is full")
    except OSError:
        pass


def parents(manager: Manager, task_id: str) -> list[str]:
    query = """SELECT parent.name FROM tasks t
               JOIN dependency_group_parents p ON p.group_id = t.dependency_group_id
               JOIN tasks parent ON parent.id = p.parent_id WHERE t.uuid = ? ORDER BY parent.id"""
    return [row[0] for row in manager._db.execute(query, [task_id])]
