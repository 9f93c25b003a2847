"""Sending a pack over real HTTP to a store that does not always behave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import InvalidInput
from flamenco_core.packing import (
    FileDigests,
    PackingCancelled,
    PackingError,
    PackPlan,
    PackProgress,
    PathField,
    Stage,
)
from flamenco_core.packing import digests as digests_module
from flamenco_core.packing.plan import PackedFile, PathChange
from flamenco_core.packing.progress import ProgressCallback, no_progress
from flamenco_core.packing.shaman_upload import (
    TRIES,
    TRYING_AGAIN,
    WORTH_ASKING,
    ShamanUpload,
    UploadedPack,
)
from tests.flamenco_core.packing.scripted_manager import HANG_UP, ScriptedManager

CONTENTS = {
    "scene.blend": b"BLENDER//old.png" + bytes(50),
    "textures/wood.png": b"wood" * 100_000,
    "textures/stone.png": b"stone",
    "textures/empty.png": b"",
}


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def plan(tmp_path: Path) -> PackPlan:
    files = []
    for name, content in CONTENTS.items():
        source = tmp_path / "project" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(content)
        files.append(PackedFile(source, name))
    return PackPlan(tmp_path / "project", "scene.blend", tuple(files), (), ())


@pytest.fixture
def reports() -> list[PackProgress]:
    return []


def sha(name: str) -> str:
    return hashlib.sha256(CONTENTS[name]).hexdigest()


def send(
    manager: ScriptedManager,
    plan: PackPlan,
    *,
    report: ProgressCallback = no_progress,
    digests: FileDigests | None = None,
    cancel: threading.Event | None = None,
    patience: timedelta = timedelta(seconds=30),
) -> UploadedPack:
    with (
        ManagerClient(manager.url, timeout=timedelta(seconds=10)) as client,
        digests or FileDigests() as used_digests,
    ):
        upload = ShamanUpload(
            client,
            used_digests,
            progress=report,
            cancel=cancel,
            pause=timedelta(milliseconds=1),
            patience=patience,
        )
        return upload.run(plan, "my job")


def test_everything_is_sent_and_checked_out_under_the_name_that_the_manager_gives(
    manager: ScriptedManager, plan: PackPlan, reports: list[PackProgress]
) -> None:
    pack = send(manager, plan, report=reports.append)
    size = sum(map(len, CONTENTS.values()))
    assert pack == UploadedPack("my job-x1y2", files_total=4, files_sent=4, bytes_sent=size)
    assert {*manager.stored.values()} == {*CONTENTS.values()}
    (checkout,) = manager.checkouts
    assert {file["path"]: file["sha"] for file in checkout["files"]} == {
        name: sha(name) for name in CONTENTS
    }
    assert {upload.original_name for upload in manager.uploads} >= {"=?utf-8?q?wood=2Epng?="}
    for stage in (Stage.HASHING, Stage.SENDING):
        last = [report for report in reports if report.stage is stage][-1]
        assert (last.files_done, last.bytes_done) == (last.files_total, last.bytes_total)
        assert last.bytes_total == size


def test_a_second_submission_sends_and_hashes_nothing(
    manager: ScriptedManager, plan: PackPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "sums.sqlite"

    def later_digests() -> FileDigests:
        return FileDigests(cache, clock=lambda: 10_000_000_000.0)

    change = PathChange(PathField(7, 20), "//new.png")
    blend = PackedFile(plan.files[0].source, plan.files[0].path_in_pack, (change,))
    plan = PackPlan(plan.project, plan.blend_in_pack, (blend, *plan.files[1:]), (), ())
    first = send(manager, plan, digests=later_digests())
    assert first.files_sent == 4
    assert b"BLENDER//new.png" + bytes(50) in manager.stored.values()

    def never(*_args: object) -> None:
        raise AssertionError("a file was read although nothing changed")

    monkeypatch.setattr(digests_module, "_hash", never)
    monkeypatch.setattr("flamenco_core.packing.contents.write_rewritten", never)
    second = send(manager, plan, digests=later_digests())
    assert (second.files_sent, second.bytes_sent) == (0, 0)
    assert len(manager.checkouts) == 2


def test_a_deferred_file_is_sent_again_until_it_is_there(
    manager: ScriptedManager, plan: PackPlan, reports: list[PackProgress]
) -> None:
    manager.answers[sha("textures/wood.png")] = [425, 425, 425]
    assert send(manager, plan, report=reports.append).files_sent == 4
    attempts = [upload for upload in manager.uploads if upload.sha == sha("textures/wood.png")]
    assert len(attempts) == 4
    assert all(upload.can_defer for upload in attempts)
    assert reports[-1].bytes_done == reports[-1].bytes_total


def test_after_a_while_a_deferred_file_is_sent_whatever_others_do(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    manager.answers[sha("textures/stone.png")] = [425]
    send(manager, plan, patience=timedelta(0))
    assert not any(upload.can_defer for upload in manager.uploads)


def test_what_somebody_else_is_sending_comes_last(manager: ScriptedManager, plan: PackPlan) -> None:
    manager.reported_uploading = {sha("scene.blend"), sha("textures/wood.png")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flamenco_core.packing.shaman_upload.SENDING_THREADS", 1)
        send(manager, plan)
    assert [upload.sha for upload in manager.uploads[-2:]] == [
        sha("scene.blend"),
        sha("textures/wood.png"),
    ]


def test_a_broken_connection_is_told_and_tried_again(
    manager: ScriptedManager, plan: PackPlan, reports: list[PackProgress]
) -> None:
    manager.answers[sha("textures/wood.png")] = [HANG_UP, 503, HANG_UP]
    assert send(manager, plan, report=reports.append).files_sent == 4
    notes = [report.note for report in reports if report.stage is Stage.SENDING]
    assert notes.count(TRYING_AGAIN) >= 3
    assert notes[-1] == ""
    assert manager.stored[sha("textures/wood.png")] == CONTENTS["textures/wood.png"]


def test_a_connection_that_keeps_breaking_ends_the_upload(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    manager.answers[sha("textures/wood.png")] = [HANG_UP] * 50
    with pytest.raises(ManagerUnreachable):
        send(manager, plan)
    assert len([up for up in manager.uploads if up.sha == sha("textures/wood.png")]) == TRIES
    assert manager.checkouts == []


def test_a_lost_answer_does_not_send_the_file_again(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    wood = "textures/wood.png"
    manager.answers[sha(wood)] = [HANG_UP]
    manager.on_upload = lambda: manager.stored.update({sha(wood): CONTENTS[wood]})
    send(manager, plan)
    assert len([upload for upload in manager.uploads if upload.sha == sha(wood)]) == 1


def test_a_large_file_that_somebody_else_sends_meanwhile_is_not_sent(
    manager: ScriptedManager, plan: PackPlan, reports: list[PackProgress]
) -> None:
    large = bytes(WORTH_ASKING)
    plan.files[1].source.write_bytes(large)
    large_sha = hashlib.sha256(large).hexdigest()
    manager.reported_uploading = {large_sha}

    def arrive() -> None:
        if manager.status_questions == 3:
            manager.stored[large_sha] = large

    manager.on_status_question = arrive
    assert send(manager, plan, report=reports.append).files_sent == 3
    assert large_sha not in {upload.sha for upload in manager.uploads}
    assert reports[-1].bytes_done == reports[-1].bytes_total


def test_a_broken_connection_while_somebody_else_sends_the_file_means_to_wait(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    wood = sha("textures/wood.png")
    manager.answers[wood] = [HANG_UP] * (TRIES + 2)
    manager.reported_uploading = {wood}
    assert send(manager, plan).files_sent == 4


def test_a_refused_file_ends_the_upload_with_the_managers_reason(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    manager.answers[sha("textures/stone.png")] = [507]
    with pytest.raises(ManagerRefused, match="as scripted"):
        send(manager, plan)
    assert manager.checkouts == []


def test_a_file_that_changes_between_hashing_and_sending_is_named(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    stone = plan.files[2].source
    changed: list[str] = []

    def change(report: PackProgress) -> None:
        if report.stage is Stage.HASHING and report.files_done == 4 and not changed:
            changed.append(report.file)
            stone.write_bytes(b"STONE")

    with pytest.raises(PackingError, match=r"stone\.png changed while it was sent"):
        send(manager, plan, report=change)


def test_files_that_vanish_from_the_store_before_the_checkout_are_sent_again(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    send(manager, plan)
    manager.lose_after_checkout_question = {sha("textures/wood.png")}
    assert send(manager, plan).files_sent == 1
    assert len(manager.checkouts) == 2


def test_a_checkout_that_always_lacks_files_is_given_up(
    manager: ScriptedManager, plan: PackPlan
) -> None:
    manager.checkout_answers = [424] * 10
    with pytest.raises(ManagerRefused):
        send(manager, plan)
    assert len(manager.checkout_answers) == 7


def test_cancelling_ends_an_upload_under_way(manager: ScriptedManager, plan: PackPlan) -> None:
    cancel = threading.Event()
    manager.on_upload = cancel.set
    big = plan.project / "textures/wood.png"
    big.write_bytes(bytes(60_000_000))
    with pytest.raises(PackingCancelled):
        send(manager, plan, cancel=cancel)
    assert manager.checkouts == []


def test_paths_that_the_farm_would_refuse_are_all_named_before_anything_is_sent(
    manager: ScriptedManager, plan: PackPlan, tmp_path: Path
) -> None:
    bad = tuple(PackedFile(plan.files[0].source, name) for name in ("aux.png", "trailing. "))
    plan = PackPlan(plan.project, plan.blend_in_pack, (*plan.files, *bad), (), ())
    with pytest.raises(InvalidInput) as caught:
        send(manager, plan)
    assert len(caught.value.problems) == 2
    assert manager.requirement_requests == 0


def test_a_file_that_is_gone_is_named(manager: ScriptedManager, plan: PackPlan) -> None:
    plan.files[1].source.unlink()
    with pytest.raises(PackingError, match=r"wood\.png: No such file"):
        send(manager, plan)
    assert manager.uploads == []
