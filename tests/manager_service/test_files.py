"""The file browser over HTTP."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.manager_service.running_manager import Reply, RunningManager, send

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="links need rights on Windows, and names are no bytes"
)

CONTENT = bytes(range(256)) * 3000
"""More than one piece."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningManager, Path]]:
    """A Manager, and the folder `render` in its shared storage."""
    with RunningManager(tmp_path_factory.mktemp("farm")) as manager:
        folder = manager.config.shared_storage / "render"
        (folder / "sub").mkdir(parents=True)
        (folder / "Archive").mkdir()
        for frame in (1, 2, 4, 10):
            (folder / f"shot_{frame:06d}.png").write_bytes(b"x" * frame)
        (folder / "video.mp4").write_bytes(CONTENT)
        (folder / "empty.txt").write_bytes(b"")
        (folder / "page.html").write_text("<script>alert(1)</script>")
        (folder / "drawing.svg").write_text("<svg onload='alert(1)'/>")
        (folder / 'ö "x".PNG').write_bytes(b"png")
        (folder / "secret.png").symlink_to("/etc/passwd")
        Path(os.fsdecode(bytes(folder) + b"/\xff.png")).write_bytes(b"")
        yield manager, folder


def ask(manager: RunningManager, what: str, **query: object) -> Reply:
    headers = query.pop("headers", None)
    assert headers is None or isinstance(headers, dict)
    return manager.get(f"/files{what}?{urlencode(query)}", headers=headers)


def test_a_folder_shows_folders_first_and_images_as_sequences(
    farm: tuple[RunningManager, Path],
) -> None:
    manager, folder = farm
    listing = ask(manager, "", path=folder).json
    assert [(entry["name"], entry["kind"]) for entry in listing["entries"]] == [
        ("Archive", "folder"),
        ("sub", "folder"),
        ("drawing.svg", "file"),
        ("empty.txt", "file"),
        ("page.html", "file"),
        ("secret.png", "other"),
        ("shot_######.png", "sequence"),
        ("video.mp4", "file"),
        ('ö "x".PNG', "file"),
    ]
    assert listing["total"] == 9
    assert listing["parent"] == str(folder.parent.resolve())
    by_name = {entry["name"]: entry for entry in listing["entries"]}
    assert (by_name["shot_######.png"]["frames"], by_name["shot_######.png"]["count"]) == (
        "1,2,4,10",
        4,
    )
    assert by_name["video.mp4"]["size"] == len(CONTENT)
    assert "size" not in by_name["secret.png"]


def test_a_folder_comes_in_pages(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm
    names: list[str] = []
    query: dict[str, Any] = {"path": folder, "limit": 2, "group": "false"}
    while True:
        page = ask(manager, "", **query).json
        names += [entry["name"] for entry in page["entries"]]
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert len(names) == len(set(names)) == page["total"] == 12
    assert names[:2] == ["Archive", "sub"]
    for cursor in ("x", "W10", "WzIsImEiXQ", "WzAsMV0", "W1tb" * 1500):
        assert ask(manager, "", path=folder, cursor=cursor).problems == ["query cursor"]


def test_the_top_folders_are_the_roots(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm
    (root,) = ask(manager, "").json["entries"]
    assert (root["name"], root["path"]) == ("Shared storage", str(folder.parent))
    assert "parent" not in ask(manager, "", path=root["path"]).json


def test_a_sequence_tells_its_images_and_what_is_missing(
    farm: tuple[RunningManager, Path],
) -> None:
    manager, folder = farm
    path = folder / "shot_######.png"
    first = ask(manager, "/sequence", path=path, limit=3).json
    assert [(frame["frame"], frame["size"]) for frame in first["frames"]] == [
        (1, 1),
        (2, 2),
        (4, 4),
    ]
    assert (first["total"], first["missing"]) == (4, "3,5-9")
    rest = ask(manager, "/sequence", path=path, limit=3, cursor=first["next"]).json
    assert [frame["path"] for frame in rest["frames"]] == [
        str(folder.resolve() / "shot_000010.png")
    ]
    assert "next" not in rest
    assert ask(manager, "/sequence", path=folder / "shot_###.png").status == 404
    assert ask(manager, "/sequence", path="######.png").status == 400


def test_a_file_comes_whole_or_in_parts(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm

    def part(wanted: str, **more: str) -> Reply:
        headers = {"Range": wanted, **more}
        return ask(manager, "/content", path=folder / "video.mp4", headers=headers)

    whole = ask(manager, "/content", path=folder / "video.mp4")
    assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp4")
    assert whole.content == CONTENT
    size = len(CONTENT)
    for wanted, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1000-300000", 1000, 300_001),
        (f"bytes={size - 5}-", size - 5, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=10-{size * 2}", 10, size),
        (f"bytes=-{size * 2}", 0, size),
    ):
        reply = part(wanted)
        assert reply.status == 206, wanted
        assert reply.content == CONTENT[start:end]
        assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    beyond = part(f"bytes={size}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert part("bytes=0-1,5-6").content == CONTENT
    etag = whole.headers["Etag"]
    assert part("bytes=0-0", **{"If-Range": etag}).status == 206
    assert part("bytes=0-0", **{"If-Range": '"other"'}).content == CONTENT
    unchanged = ask(manager, "/content", path=folder / "video.mp4", headers={"If-None-Match": etag})
    assert (unchanged.status, unchanged.content) == (304, b"")


def test_a_file_that_becomes_shorter_while_it_is_sent_ends_the_connection_early(
    farm: tuple[RunningManager, Path],
) -> None:
    manager, folder = farm
    large = folder / "sub" / "large.exr"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)  # far more than the system keeps for a connection
    connection = manager.connect()
    try:
        send(connection, "GET", f"/files/content?{urlencode({'path': large})}")
        answer = connection.getresponse()
        assert answer.read(1) == b"\0"
        os.truncate(large, 0)
        with pytest.raises(http.client.IncompleteRead) as cut_off:
            answer.read()
        assert not cut_off.value.partial.strip(b"\0")
    finally:
        connection.close()


def test_an_empty_file_is_empty(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm
    reply = ask(manager, "/content", path=folder / "empty.txt")
    assert (reply.status, reply.content) == (200, b"")
    path = f"/files/content?{urlencode({'path': folder / 'video.mp4'})}"
    head = manager.request("HEAD", path)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(CONTENT)))


@pytest.mark.parametrize("name", ["page.html", "drawing.svg"])
def test_what_could_run_in_a_browser_is_only_to_be_saved(
    farm: tuple[RunningManager, Path], name: str
) -> None:
    manager, folder = farm
    reply = ask(manager, "/content", path=folder / name)
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"


def test_every_file_is_held_in_a_sandbox(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm
    reply = ask(manager, "/content", path=folder / 'ö "x".PNG')
    assert reply.headers["Content-Type"] == "image/png"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert reply.headers["Content-Disposition"] == "inline; filename*=UTF-8''%C3%B6%20%22x%22.PNG"


@pytest.mark.parametrize("what", ["", "/content", "/sequence"])
def test_files_elsewhere_are_refused(farm: tuple[RunningManager, Path], what: str) -> None:
    manager, folder = farm
    for path in ("/etc/passwd", folder / ".." / ".." / "flamenco-manager.sqlite", "/etc/##.png"):
        assert ask(manager, what, path=path).status == 403, path
    assert ask(manager, what, path=folder / "gone" / "##.png").status == 404


def test_no_link_leads_to_files_elsewhere(farm: tuple[RunningManager, Path]) -> None:
    manager, folder = farm
    assert ask(manager, "/content", path=folder / "secret.png").status == 403
    assert ask(manager, "/content", path=folder / "sub").status == 404
    assert ask(manager, "/content").problems == ["query path"]
    assert ask(manager, "", path=folder / "video.mp4").status == 404
