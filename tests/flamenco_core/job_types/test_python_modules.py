"""Job types in Python share files of their folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flamenco_core.errors import NotFound
from flamenco_core.job_types.compile_process import CompileProcess
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.job_types.python_modules import PACKAGE
from tests.flamenco_core.job_types.scripts import CREATED, submission, write_script

BODY = "job.task(shots.name(), type='misc').command('echo', {'message': 'hi'})"


def write_shots(folder: Path, name: str) -> None:
    (folder / "shots.py").write_text(f"def name():\n    return {name!r}\n", encoding="utf-8")


def first_task(process: CompileProcess, job_type: str) -> str:
    return process.compile(submission(job_type), "job-id", CREATED).tasks[0].name


def test_a_file_beside_the_script_is_imported_and_edits_count_at_once(tmp_path: Path) -> None:
    write_script(tmp_path, "mine", BODY, top="from . import shots")
    write_script(tmp_path, "late", f"from . import shots\n{BODY}")
    write_shots(tmp_path, "aaa")
    with CompileProcess([tmp_path]) as process:
        assert first_task(process, "mine") == first_task(process, "late") == "aaa"
        # Of the same length, and in the same second.
        write_shots(tmp_path, "bbb")
        assert first_task(process, "mine") == first_task(process, "late") == "bbb"
        assert "shots" not in {each.name for each in process.available()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late.py", "mine.py", "shots.py"]


def test_a_folder_beside_the_script_is_a_package(tmp_path: Path) -> None:
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "__init__.py").write_text("from .shots import name\n")
    write_shots(tmp_path / "studio", "deep")
    write_script(tmp_path, "mine", BODY, top="from . import studio as shots")
    with CompileProcess([tmp_path]) as process:
        assert first_task(process, "mine") == "deep"


def test_the_list_of_job_types_follows_what_they_import(tmp_path: Path) -> None:
    path = write_script(
        tmp_path,
        "mine",
        BODY,
        settings="Setting(shots.name(), 'string')",
        top="from . import shots",
    )
    library = JobTypeLibrary([tmp_path])

    def keys() -> list[str]:
        (mine,) = [each for each in library.available() if each.name == "mine"]
        return [setting.key for setting in mine.settings]

    (problem,) = library.problems
    assert problem.where == f"{path}, line 2"
    assert "cannot import name 'shots'" in problem.what
    with pytest.raises(NotFound):
        library.get("mine")
    write_shots(tmp_path, "aaa")
    assert library.problems == []
    assert keys() == ["aaa"]
    write_shots(tmp_path, "bbbb")
    assert keys() == ["bbbb"]


def test_scripts_in_two_folders_each_get_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_script(tmp_path / name, name, BODY, top="from . import shots")
        write_shots(tmp_path / name, f"of-{name}")
    with CompileProcess([tmp_path / "one", tmp_path / "two"]) as process:
        for name in ("one", "two", "one"):
            assert first_task(process, name) == f"of-{name}"


def test_other_imports_are_left_alone(tmp_path: Path) -> None:
    write_shots(tmp_path, "aaa")
    write_script(tmp_path, "mine", BODY, top="import shots")
    (problem,) = JobTypeLibrary([tmp_path]).problems
    assert "No module named 'shots'" in problem.what
    assert "shots" not in sys.modules
    assert not [name for name in sys.modules if name == f"{PACKAGE}.shots"]
