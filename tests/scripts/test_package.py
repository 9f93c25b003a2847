"""What people download: it is complete, needs nothing else, and takes the place of an older one."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import self_contained
from environment import ROOT
from flamenco_core.version import current_version
from manager_service.own_wheel import wheel_of
from tests.ports import free_port

TIME_LIMIT = 180
FIRST_FARM = ROOT / "tests/flamenco_core/store/farm_of_first_schema.sql"
SECOND_SCHEMA = "flamenco_core/store/second_schema.py"
ECHO = {
    "name": "echo",
    "type": "echo-sleep-test",
    "submitter_platform": "linux",
    "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 1},
}

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="written for programs as Linux has them"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("package")
    made, _ = self_contained.build_distributions(Path(sys.executable), ROOT, work / "dist")
    return made


@pytest.fixture(scope="module")
def built_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What would be packed into the archive, at another place than where it was made."""
    work = tmp_path_factory.mktemp("package")
    made = self_contained.build_folder(Path(sys.executable), wheel, work)
    return Path(shutil.move(made, tmp_path_factory.mktemp("elsewhere")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that the script builds."""
    output = tmp_path_factory.mktemp("dist")
    self_contained.build_everything(Path(sys.executable), output)
    return output


@pytest.fixture(scope="module")
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the self-contained archive; in a thorough run really unpacked from there."""
    if request.config.getoption("--thorough"):
        return unpack(request.getfixturevalue("built"), tmp_path_factory.mktemp("opt"))
    folder: Path = request.getfixturevalue("built_folder")
    return folder


def unpack(built: Path, folder: Path) -> Path:
    (archive,) = built.glob(f"flamenco-*-{self_contained.platform_name()}.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="tar")
    (top,) = folder.iterdir()
    return top


@dataclass(frozen=True)
class Farm:
    """A Manager that runs, and how to ask it."""

    url: str

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"{self.url}api/v3/{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:
            return json.loads(answer.read() or b"null")

    def wait_for(self, job_id: str, status: str) -> None:
        deadline = time.monotonic() + TIME_LIMIT
        while (now := self.ask(f"jobs/{job_id}")["status"]) != status:
            assert now != "failed"
            assert time.monotonic() < deadline, now
            time.sleep(0.1)


def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *map(str, arguments)],
        env={},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


@contextmanager
def manager(programs: Path, home: Path) -> Iterator[Farm]:
    """Runs with an empty environment: no PATH, no Python, no home."""
    listen = f"127.0.0.1:{free_port()}"
    with process(programs / "flamenco-manager", "--home", home, "--listen", listen) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        assert "http://" in line, running.communicate()
        yield Farm(line.split()[-1])


@contextmanager
def process(program: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Ends well when it is asked to."""
    with subprocess.Popen(
        [str(program), *map(str, arguments)],
        env={},
        cwd=program.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
            running.send_signal(signal.SIGTERM)
            _, errors = running.communicate(timeout=TIME_LIMIT)
            assert running.returncode == 0, errors
        finally:
            running.kill()


def work(programs: Path, home: Path, farm: Farm) -> Any:
    arguments = ("--manager", farm.url, "--home", home, "--name", "packed")
    return process(programs / "flamenco-worker", *arguments)


@pytest.mark.thorough
def test_wheel_and_source_have_what_they_must_and_the_sums_are_right(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    (source,) = (file for file in built.glob("*.tar.gz") if "python" in file.name)
    with tarfile.open(source) as packed:
        sources = {name.partition("/")[2] for name in packed.getnames()}
    for file in ("flamenco_core/job_types/prelude.js", "manager_service/web/dist/index.html"):
        assert file in names
        assert file in sources
    assert {"scripts/package.py", "docs/services/systemd/flamenco-manager.service"} <= sources
    lines = (built / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 3
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((built / name).read_bytes()).hexdigest() == digest


def test_an_installed_manager_puts_the_wheel_together_that_it_came_from(
    wheel: Path, tmp_path: Path
) -> None:
    first = installed_from(wheel, tmp_path / "first")
    again = wheel_of(first)
    assert again.name == wheel.name
    (tmp_path / again.name).write_bytes(again.content)
    assert record_of(tmp_path / again.name) == record_of(wheel)
    second = installed_from(tmp_path / again.name, tmp_path / "second")
    assert second.version == first.version
    assert {entry.name for entry in second.entry_points} >= {"flamenco-worker", "flamenco-manager"}
    assert wheel_of(second) == again


def installed_from(wheel: Path, folder: Path) -> metadata.Distribution:
    """As pip does it, without what it needs."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True, timeout=TIME_LIMIT)
    (found,) = metadata.distributions(name="flamenco-python", path=[str(folder)])
    return found


def record_of(wheel: Path) -> set[str]:
    """The names of all files in a wheel, with their digests and sizes."""
    with zipfile.ZipFile(wheel) as packed:
        assert packed.testzip() is None
        (record,) = (name for name in packed.namelist() if name.endswith(".dist-info/RECORD"))
        return set(packed.read(record).decode().splitlines())


def test_an_archive_keeps_links_and_has_its_sum(tmp_path: Path) -> None:
    folder, output = tmp_path / "flamenco-1.0-linux-x86_64", tmp_path / "dist"
    folder.mkdir()
    output.mkdir()
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "link").symlink_to("program")
    archive = self_contained.pack(folder, output)
    sums = self_contained.write_sums([archive], output / "SHA256SUMS")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert sums.read_text() == f"{digest}  {folder.name}.tar.gz\n"
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "out", filter="tar")
    unpacked = tmp_path / "out" / folder.name
    assert unpacked.joinpath("link").readlink() == Path("program")
    assert unpacked.joinpath("program").stat().st_mode & 0o777 == 0o755


def test_the_folder_has_the_programs_and_what_admins_need(programs: Path) -> None:
    version = current_version().shown
    for name in ("flamenco-manager", "flamenco-worker"):
        assert version in run(programs / name, "--version").stdout
    assert "Submit jobs" in run(programs / "flamenco", "--help").stdout
    assert (programs / "docs" / "services" / "systemd" / "flamenco-manager.service").exists()
    assert (programs / "docs" / "running.md").exists()
    assert (programs / "VERSION").read_text().startswith("v")


def test_everything_that_the_project_needs_is_in_it(programs: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = chain(project["dependencies"], *project["optional-dependencies"].values())
    needed = {canonicalize_name(Requirement(text).name) for text in named} - {"flamenco-python"}
    modules = [
        module
        for module, names in metadata.packages_distributions().items()
        if needed & {canonicalize_name(name) for name in names}
        # Some bring their tests, or libraries that are no modules.
        and module.isidentifier()
        and module not in ("test", "tests")
    ]
    assert {"aiohttp", "quickjs", "swagger_ui", "yaml", "OpenImageIO"} <= set(modules)
    told = run(programs / "flamenco-worker", "-I", "-c", f"import {', '.join(sorted(modules))}")
    assert (told.returncode, told.stderr) == (0, "")


def test_it_renders_with_nothing_else_on_the_machine(programs: Path, tmp_path: Path) -> None:
    scripts = tmp_path / "farm" / "scripts"
    scripts.mkdir(parents=True)
    # Any part of Python's own library may be used by a studio's job types.
    (scripts / "own.py").write_text(
        "import colorsys, statistics, xml.dom.minidom\n"
        "from flamenco_core.job_types.authoring import JobType\n"
        "JOB_TYPE = JobType(label='Own', settings=[])\n"
        "def compile_job(job):\n"
        "    message = str(statistics.mean([1, 3]))\n"
        "    job.task('say', type='misc').command('echo', {'message': message})\n"
    )
    (scripts / "of_flamenco_3.js").write_text(
        "const JOB_TYPE = {label: 'Flamenco 3', settings: []};\n"
        "function compileJob(job) {\n"
        "  const task = author.Task('say', 'misc');\n"
        "  task.addCommand(author.Command('echo', {message: 'hello'}));\n"
        "  job.addTask(task);\n"
        "}\n"
    )
    with manager(programs, tmp_path / "farm") as farm:
        assert farm.ask("version")["version"] == current_version().shown
        others = [{**ECHO, "type": kind, "settings": {}} for kind in ("own", "of-flamenco-3")]
        jobs = [farm.ask("jobs", job) for job in (ECHO, *others)]
        with work(programs, tmp_path / "worker", farm):
            for job in jobs:
                farm.wait_for(job["id"], "completed")


def test_programs_that_it_starts_get_the_environment_that_it_was_given(programs: Path) -> None:
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    told = subprocess.run(
        [str(programs / "flamenco-worker"), "-I", "-c", code],
        env={"LD_LIBRARY_PATH": "/opt/theirs", "PATH": "/bin"},
        capture_output=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    expected = {"LD_LIBRARY_PATH": "/opt/theirs", "PATH": "/bin"}
    assert {name: json.loads(told.stdout).get(name) for name in expected} == expected
    assert not [name for name in json.loads(told.stdout) if name.startswith("_PYI")]


def test_a_farm_of_the_first_schema_goes_on_after_the_folder_was_replaced(
    programs: Path, tmp_path: Path
) -> None:
    home = tmp_path / "farm"
    home.mkdir()
    file = home / "flamenco-manager.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(FIRST_FARM.read_text(encoding="utf-8"))
    with manager(programs, home) as farm:
        jobs = {job["name"]: job["id"] for job in farm.ask("jobs")["jobs"]}
        assert {"shot 010", "waiting", "paused", "done and archived"} <= set(jobs)
        with work(programs, tmp_path / "worker", farm):
            farm.wait_for(jobs["waiting"], "completed")
    assert file.with_name(f"{file.name}.schema-1.backup").exists()
    assert (
        "Everything adds up" in run(programs / "flamenco-manager", "--home", home, "check").stdout
    )


@pytest.mark.thorough
def test_an_older_archive_is_replaced_by_this_one_and_its_farm_goes_on(
    programs: Path, tmp_path: Path
) -> None:
    """The older one is built from the last sources that had the first schema only."""
    older = build_older_archive(tmp_path / "older")
    home, opt = tmp_path / "farm", tmp_path / "opt" / "flamenco"
    opt.parent.mkdir()
    shutil.move(older, opt)
    with manager(opt, home) as farm, work(opt, tmp_path / "worker", farm):
        done = farm.ask("jobs", ECHO)["id"]
        farm.wait_for(done, "completed")
    with manager(opt, home) as farm:
        waiting = farm.ask("jobs", {**ECHO, "name": "waiting"})["id"]
    backup = tmp_path / "before.sqlite"
    assert run(opt / "flamenco-manager", "--home", home, "--backup", backup).returncode == 0
    shutil.rmtree(opt)
    shutil.copytree(programs, opt, symlinks=True)
    with manager(opt, home) as farm:
        assert farm.ask(f"jobs/{done}")["status"] == "completed"
        with work(opt, tmp_path / "worker", farm):
            farm.wait_for(waiting, "completed")
        workers = farm.ask("worker-mgt/workers")["workers"]
        assert len(workers) == 1, "the worker is still the same one"
    checked = run(opt / "flamenco-manager", "--home", home, "check")
    assert "Everything adds up" in checked.stdout


def build_older_archive(work_folder: Path) -> Path:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    added = git("log", "--diff-filter=A", "--format=%H", "--", SECOND_SCHEMA).splitlines()[-1]
    source, output = work_folder / "source", work_folder / "dist"
    git("worktree", "add", "--detach", str(source), f"{added}^")
    try:
        python = Path(sys.executable)
        wheel, _ = self_contained.build_distributions(python, source, work_folder / "wheel")
        output.mkdir()
        self_contained.pack(self_contained.build_folder(python, wheel, work_folder), output)
    finally:
        git("worktree", "remove", "--force", str(source))
    return unpack(output, work_folder / "unpacked")
