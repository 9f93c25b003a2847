"""What the quick start says when it cannot even begin: a sentence, exit code 1, nothing left."""

from __future__ import annotations

import ast
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkouts import ROOT, copy_source
from tests.ports import free_port

PYTHON = Path(sys.base_prefix, "bin", "python3")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which nothing is installed, and which no test changes."""
    return copy_source(tmp_path_factory.mktemp("refusals") / "clone")


@pytest.fixture(name="free_port")
def _free_port() -> int:
    return free_port()


def refusal(clone: Path, *arguments: str | Path, **variables: str) -> str:
    """What it says instead of beginning."""
    answer = subprocess.run(
        [PYTHON, clone / "scripts" / "quickstart.py", *arguments],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (clone / ".venv" / "installed.json").exists()
    return answer.stderr


def test_a_port_in_use_names_the_program_that_has_it(clone: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(clone, f"--home={tmp_path}", f"--port={port}")
    assert f"Port {port} is in use by" in said
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in said
    assert "--port" in said


class LikeAManager(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"version": "v3.5", "shortversion": "v3.5", "name": "The studio", "git": "x"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def manager_port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), LikeAManager) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_port_in_use_by_a_manager_says_which(
    clone: Path, tmp_path: Path, manager_port: int
) -> None:
    said = refusal(clone, f"--home={tmp_path}", f"--port={manager_port}")
    assert "a Flamenco Manager (The studio v3.5)" in said


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read: No such file"), (b"a text", "is not a .blend file")],
    ids=["missing", "another kind of file"],
)
def test_a_file_that_is_no_blend_file_is_named(
    clone: Path, tmp_path: Path, free_port: int, content: bytes | None, says: str
) -> None:
    blend = tmp_path / "scene.blend"
    if content is not None:
        blend.write_bytes(content)
    said = refusal(clone, f"--home={tmp_path}", f"--port={free_port}", f"--blend={blend}")
    assert f"{blend} {says}" in said


def test_a_folder_that_cannot_be_made_is_named(clone: Path, tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "farm"
    said = refusal(clone, f"--home={home}", f"--port={free_port}")
    assert f"{home} cannot be made" in said


def test_a_disk_without_room_is_named(clone: Path, tmp_path: Path, free_port: int) -> None:
    """On a real disk of one megabyte, mounted for this process only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", str(disk)]
    command += [str(PYTHON), str(clone / "scripts" / "quickstart.py")]
    answer = subprocess.run(
        [*command, f"--home={disk / 'farm'}", f"--port={free_port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 1
    assert f"The disk of {disk} has 1 MB free" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_without_network_it_says_so(tmp_path: Path, free_port: int) -> None:
    clone = copy_source(tmp_path / "clone")
    nowhere = f"http://127.0.0.1:{free_port}/"
    said = refusal(
        clone,
        f"--home={tmp_path / 'farm'}",
        f"--port={free_port}",
        PIP_INDEX_URL=nowhere,
        PIP_RETRIES="0",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE=os.devnull,
    )
    assert "No connection to the Python package index" in said


def test_a_blender_that_is_none_is_named(clone: Path, tmp_path: Path, free_port: int) -> None:
    common = (f"--home={tmp_path}", f"--port={free_port}")
    absent = tmp_path / "absent"
    assert f"there is no program {absent}" in refusal(clone, *common, f"--blender={absent}")
    true = shutil.which("true")
    assert f"{true} is not a Blender that works" in refusal(clone, *common, f"--blender={true}")


def test_a_blender_without_its_libraries_says_what_to_install(
    clone: Path, tmp_path: Path, free_port: int
) -> None:
    broken = tmp_path / "blender"
    broken.write_text(
        "#!/bin/sh\n"
        "echo 'ImportError: libSM.so.6: cannot open shared object file: No such file' >&2\n"
        "exit 1\n"
    )
    broken.chmod(0o755)
    said = refusal(clone, f"--home={tmp_path}", f"--port={free_port}", f"--blender={broken}")
    assert "libSM.so.6" in said
    assert "sudo apt-get install libx11-6" in said or "sudo dnf install libX11" in said


def test_an_old_blender_is_refused(clone: Path, tmp_path: Path, free_port: int) -> None:
    old = tmp_path / "blender"
    old.write_text("#!/bin/sh\necho 'Blender 2.93.4'\n")
    old.chmod(0o755)
    said = refusal(clone, f"--home={tmp_path}", f"--port={free_port}", f"--blender={old}")
    assert "is Blender 2.93; 3.4 or newer is needed" in said


@pytest.mark.parametrize("name", ["quickstart.py", "test.py", "pythons.py"])
def test_what_an_old_python_reads_first_parses_there(name: str) -> None:
    source = (ROOT / "scripts" / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))


def test_a_python_that_is_too_old_says_so() -> None:
    code = "import pythons; pythons.need_python([(99, 0)])"
    answer = subprocess.run(
        [PYTHON, "-c", code], cwd=ROOT / "scripts", check=False, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert "This needs Python 99.0 or newer" in answer.stderr
