"""The ways of placing a stored file, each for real; what a platform refuses is simulated."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flamenco_core.shaman.links import Linker, LinkKind


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "store" / "blob"
    path.parent.mkdir()
    path.write_bytes(b"content" * 1000)
    (tmp_path / "job").mkdir()
    return path


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "job" / "file"


def refuse(error: OSError) -> object:
    def refusing(*_args: object, **_options: object) -> None:
        raise error

    return refusing


def windows_without_the_right() -> OSError:
    error = OSError(errno.EINVAL, "A required privilege is not held by the client")
    error.winerror = 1314  # type: ignore[attr-defined,unused-ignore]  # exists on Windows only
    return error


@pytest.mark.parametrize("kind", LinkKind)
def test_each_way_gives_the_content(blob: Path, destination: Path, kind: LinkKind) -> None:
    Linker((kind,)).place(blob, destination)
    assert destination.read_bytes() == blob.read_bytes()
    assert destination.is_symlink() == (kind is LinkKind.SYMBOLIC)
    assert destination.samefile(blob) == (kind is not LinkKind.COPY)


@pytest.mark.parametrize("kind", LinkKind)
def test_no_way_replaces_what_is_there(blob: Path, destination: Path, kind: LinkKind) -> None:
    destination.write_text("mine")
    with pytest.raises(FileExistsError):
        Linker((kind,)).place(blob, destination)
    assert destination.read_text() == "mine"


@pytest.mark.parametrize(
    "refusal",
    [
        windows_without_the_right(),
        OSError(errno.EPERM, "Operation not permitted"),
        OSError(errno.EOPNOTSUPP, "Operation not supported"),
    ],
    ids=["Windows", "FAT", "network share"],
)
def test_where_symbolic_links_are_refused_a_hard_link_takes_their_place(
    blob: Path, destination: Path, monkeypatch: pytest.MonkeyPatch, refusal: OSError
) -> None:
    monkeypatch.setattr(Path, "symlink_to", refuse(refusal))
    linker = Linker()
    linker.place(blob, destination)
    assert linker.kind is LinkKind.HARD
    assert not destination.is_symlink()
    assert destination.samefile(blob)


def test_on_another_volume_without_symbolic_links_the_file_is_copied(
    blob: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "symlink_to", refuse(windows_without_the_right()))
    monkeypatch.setattr(os, "link", refuse(OSError(errno.EXDEV, "Invalid cross-device link")))
    linker = Linker()
    linker.place(blob, destination)
    assert linker.kind is LinkKind.COPY
    assert not destination.samefile(blob)
    assert destination.read_bytes() == blob.read_bytes()


def test_a_real_other_volume_is_copied_to(
    blob: Path, monkeypatch: pytest.MonkeyPatch, other_volume: Path
) -> None:
    monkeypatch.setattr(Path, "symlink_to", refuse(windows_without_the_right()))
    linker = Linker()
    linker.place(blob, other_volume / "file")
    assert linker.kind is LinkKind.COPY
    assert (other_volume / "file").read_bytes() == blob.read_bytes()


def test_where_the_kernel_does_not_copy_python_does(
    blob: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        os, "copy_file_range", refuse(OSError(errno.ENOSYS, "not implemented")), raising=False
    )
    Linker((LinkKind.COPY,)).place(blob, destination)
    assert destination.read_bytes() == blob.read_bytes()


def test_a_failed_copy_leaves_no_torn_file(
    blob: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        Linker((LinkKind.COPY,)).place(blob, destination)
    assert not destination.exists()


def test_an_error_of_one_file_does_not_change_the_way(blob: Path, tmp_path: Path) -> None:
    linker = Linker()
    with pytest.raises(FileNotFoundError):
        linker.place(blob, tmp_path / "no such folder" / "file")
    assert linker.kind is LinkKind.SYMBOLIC
