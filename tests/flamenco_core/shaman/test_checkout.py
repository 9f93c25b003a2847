"""Checkouts: links to stored files under their own names, and their end."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco_core.errors import Conflict, InvalidInput, NotFound, StorageError
from flamenco_core.model import ShamanCheckout
from flamenco_core.shaman import CheckoutPathTaken, MissingFiles, ShamanStore
from tests.flamenco_core.shaman.content import checkout_of, put, spec


def tree(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def suffixes(*texts: str) -> Callable[[int], str]:
    """A source of randomness that gives these texts of four characters, one after another."""
    left: Iterator[str] = iter(texts)
    return lambda length: next(left) if length == 4 else "u" * length


def test_files_are_found_under_their_own_names(store: ShamanStore, tmp_path: Path) -> None:
    blend = put(store, b"BLENDER", "shots/scene.blend")
    texture = put(store, b"pixels", "textures/wood.png")
    also = spec(b"pixels", "textures/wood copy.png")
    result = store.checkout(checkout_of("my job", blend, texture, also))
    assert result.checkoutPath == "my job"
    job = tmp_path / "jobs" / "my job"
    assert (job / "shots/scene.blend").read_bytes() == b"BLENDER"
    assert (job / "textures/wood.png").read_bytes() == b"pixels"
    assert (job / "textures/wood copy.png").read_bytes() == b"pixels"


def test_links_are_relative_so_that_the_storage_can_be_mounted_elsewhere(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"moved", "deep/in/here.png")
    store.checkout(checkout_of("a/b", file))
    other = tmp_path / "mounted elsewhere"
    other.mkdir()
    for name in ("jobs", "file-store"):
        (tmp_path / name).rename(other / name)
    link = other / "jobs/a/b/deep/in/here.png"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.read_bytes() == b"moved"


def test_links_hold_when_the_storage_is_reached_through_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "disk one").mkdir()
    (tmp_path / "disk two" / "deep").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/file-store").symlink_to(tmp_path / "disk one")
    (tmp_path / "shared/jobs").symlink_to(tmp_path / "disk two/deep")
    store = ShamanStore(tmp_path / "shared/file-store", tmp_path / "shared/jobs")
    store.checkout(checkout_of("job", put(store, b"here", "x/y.png")))
    assert (tmp_path / "shared/jobs/job/x/y.png").read_bytes() == b"here"
    store.erase_checkout("job")
    assert tree(tmp_path / "shared/jobs") == []


def test_checking_out_marks_the_files_as_used(store: ShamanStore, tmp_path: Path) -> None:
    file = put(store, b"used")
    blob = next((tmp_path / "file-store").rglob("*.blob"))
    os.utime(blob, (1000, 1000))
    store.checkout(checkout_of("job", file))
    assert blob.stat().st_mtime > 1000


def test_a_taken_name_gets_four_random_characters(tmp_path: Path) -> None:
    store = ShamanStore(tmp_path / "s", tmp_path / "j", random_text=suffixes("abc1", "zz99"))
    file = put(store, b"x")
    names = [store.checkout(checkout_of("shot 1", file)).checkoutPath for _ in range(3)]
    assert names == ["shot 1", "shot 1-abc1", "shot 1-zz99"]


def test_when_no_name_is_free_the_checkout_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    store = ShamanStore(tmp_path / "s", tmp_path / "j", random_text=lambda length: "a" * length)
    file = put(store, b"x")
    for _ in range(2):
        store.checkout(checkout_of("job", file))
    with pytest.raises(CheckoutPathTaken, match="'job' is taken"):
        store.checkout(checkout_of("job", file))
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) == ["job", "job-aaaa"]


def test_a_checkout_is_never_made_inside_another_one(tmp_path: Path) -> None:
    store = ShamanStore(tmp_path / "s", tmp_path / "j", random_text=suffixes("1111", "2222"))
    file = put(store, b"x")
    assert store.checkout(checkout_of("show/shot", file)).checkoutPath == "show/shot"
    assert store.checkout(checkout_of("show", file)).checkoutPath == "show-1111"
    assert store.checkout(checkout_of("show/shot/again", file)).checkoutPath == (
        "show/shot-2222/again"
    )


def test_threads_that_want_the_same_name_get_a_folder_each(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"x")
    names: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: names.append(store.checkout(checkout_of("job", file)).checkoutPath)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 8
    assert all((tmp_path / "jobs" / name / "file.bin").read_bytes() == b"x" for name in names)


def test_missing_files_are_all_named_and_nothing_is_left(
    store: ShamanStore, tmp_path: Path
) -> None:
    have = put(store, b"have", "have.png")
    lost, also_lost = spec(b"lost", "lost.png"), spec(b"also", "sub/also.png")
    with pytest.raises(MissingFiles) as caught:
        store.checkout(checkout_of("a/job", lost, have, also_lost))
    assert caught.value.files == (lost, also_lost)
    assert [problem.where for problem in caught.value.problems] == ["files[0]", "files[2]"]
    assert not (tmp_path / "jobs").exists()


def test_everything_wrong_with_a_checkout_is_told_at_once(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"x", "../up.png")
    other = put(store, b"y", "a/b")
    with pytest.raises(InvalidInput) as caught:
        store.checkout(
            checkout_of(
                "/etc",
                file,
                spec(b"x", "a"),
                other,
                spec(b"lost", "lost.png"),
                spec(b"x", "same"),
                spec(b"y", "same"),
            )
        )
    assert [problem.where for problem in caught.value.problems] == [
        "checkoutPath",
        "files[0].path",
        "files[5].path",
        "files[2].path",
        "files[3]",
    ]
    assert not (tmp_path / "jobs").exists()


def test_a_file_listed_twice_alike_is_no_problem(store: ShamanStore, tmp_path: Path) -> None:
    file = put(store, b"x", "a/b.png")
    store.checkout(checkout_of("job", file, file))
    assert (tmp_path / "jobs/job/a/b.png").read_bytes() == b"x"


def test_a_checkout_that_fails_half_way_leaves_the_checkout_of_the_same_name_alone(
    store: ShamanStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, late = put(store, b"x", "a.png"), put(store, b"late", "b.png")
    store.checkout(checkout_of("show/job", file))
    place = Path.symlink_to

    def no_space(link: Path, target: str) -> None:
        if link.name == "b.png":
            raise OSError(28, "No space left on device")
        place(link, target)

    monkeypatch.setattr(Path, "symlink_to", no_space)
    with pytest.raises(StorageError, match="No space left"):
        store.checkout(checkout_of("show/job", file, late))
    with pytest.raises(StorageError, match="No space left"):
        store.checkout(checkout_of("other show/job", file, late))
    assert tree(tmp_path / "jobs") == ["show/job/.flamenco-checkout", "show/job/a.png"]
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["show"]


def test_a_name_that_is_a_plain_file_is_left_alone(store: ShamanStore, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/job").write_text("mine")
    result = store.checkout(checkout_of("job/sub", put(store, b"x")))
    assert result.checkoutPath.startswith("job-")
    assert (tmp_path / "jobs/job").read_text() == "mine"


def test_erasing_removes_the_checkout_and_folders_that_become_empty(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"x", "deep/file.png")
    store.checkout(checkout_of("show/one", file))
    store.checkout(checkout_of("show/two", file))
    (tmp_path / "jobs/show/one/deep/rendered.png").write_bytes(b"by Blender")
    store.erase_checkout("show/one")
    assert tree(tmp_path / "jobs") == ["show/two/.flamenco-checkout", "show/two/deep/file.png"]
    store.erase_checkout("show/two")
    assert list((tmp_path / "jobs").iterdir()) == []
    assert len(list((tmp_path / "file-store").rglob("*.blob"))) == 1
    with pytest.raises(NotFound):
        store.erase_checkout("show/two")


@pytest.mark.parametrize("path", ["", ".", "..", "/", "a/..", "../jobs/a", "a//b", "a\\b"])
def test_erasing_refuses_what_names_no_checkout(
    store: ShamanStore, tmp_path: Path, path: str
) -> None:
    store.checkout(checkout_of("a", put(store, b"x")))
    with pytest.raises(InvalidInput):
        store.erase_checkout(path)
    assert tree(tmp_path / "jobs") == ["a/.flamenco-checkout", "a/file.bin"]


def test_erasing_refuses_a_folder_that_holds_checkouts_of_others(
    store: ShamanStore, tmp_path: Path
) -> None:
    store.checkout(checkout_of("show/one", put(store, b"x")))
    with pytest.raises(Conflict, match="another checkout"):
        store.erase_checkout("show")
    assert (tmp_path / "jobs/show/one/file.bin").exists()


def test_erasing_refuses_a_link_to_another_folder(store: ShamanStore, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep me")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/link").symlink_to(tmp_path / "precious")
    with pytest.raises(Conflict, match="is a link"):
        store.erase_checkout("link")
    assert (tmp_path / "precious/file").read_text() == "keep me"


def test_a_link_inside_a_checkout_is_removed_but_not_what_it_leads_to(
    store: ShamanStore, tmp_path: Path
) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("keep me")
    store.checkout(checkout_of("job", put(store, b"x")))
    (tmp_path / "jobs/job/link").symlink_to(tmp_path / "precious")
    store.erase_checkout("job")
    assert (tmp_path / "precious/file").read_text() == "keep me"


def flamenco_3_checkout(store: ShamanStore, tmp_path: Path, path: str) -> Path:
    """A checkout as Flamenco 3 leaves it: without our marker."""
    store.checkout(checkout_of(path, put(store, b"x", "sub/file.png")))
    folder = tmp_path / "jobs" / path
    (folder / ".flamenco-checkout").unlink()
    return folder


def test_a_checkout_made_by_flamenco_3_can_be_erased(store: ShamanStore, tmp_path: Path) -> None:
    folder = flamenco_3_checkout(store, tmp_path, "old/job")
    store.erase_checkout("old/job")
    assert not folder.exists()


def test_a_folder_without_marker_that_holds_real_files_is_not_erased(
    store: ShamanStore, tmp_path: Path
) -> None:
    folder = flamenco_3_checkout(store, tmp_path, "job")
    (folder / "sub/notes.txt").write_text("keep me")
    with pytest.raises(Conflict, match=r"notes\.txt"):
        store.erase_checkout("job")
    assert (folder / "sub/notes.txt").read_text() == "keep me"
    assert (folder / "sub/file.png").read_bytes() == b"x"


def test_an_erasure_that_was_cut_off_can_be_repeated(
    store: ShamanStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.checkout(checkout_of("job", put(store, b"x", "a.png"), put(store, b"y", "b/c.png")))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", _fail)
        with pytest.raises(StorageError, match="Input/output error"):
            store.erase_checkout("job")
    store.erase_checkout("job")
    assert not (tmp_path / "jobs/job").exists()


def _fail(path: str) -> None:
    raise OSError(5, "Input/output error", path)


def test_the_marker_cannot_be_one_of_the_files(store: ShamanStore) -> None:
    file = put(store, b"x", ".flamenco-checkout")
    with pytest.raises(InvalidInput, match="kept for the Manager"):
        store.checkout(ShamanCheckout(files=[file], checkoutPath="job"))
