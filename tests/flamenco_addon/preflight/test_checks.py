"""What pre-flight finds, and how bad that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from flamenco_addon.preflight.checking import Facts, existing_or_missing, find
from flamenco_addon.preflight.facts import (
    AddonNeed,
    CacheFacts,
    FarmFacts,
    FileFacts,
    JobFacts,
    OutputPath,
    SceneFacts,
    SessionFacts,
    ViewLayerFacts,
)
from flamenco_addon.preflight.farm_checks import is_mapped
from flamenco_addon.preflight.findings import Finding, Fix, Severity, errors, warnings
from flamenco_core.errors import Problem
from flamenco_core.model import AvailableJobType, ManagerVariable


@pytest.fixture(scope="module")
def job_type(tmp_path_factory: pytest.TempPathFactory) -> AvailableJobType:
    return builtin("simple-blender-render")


def builtin(name: str) -> AvailableJobType:
    import importlib

    module = importlib.import_module(f"flamenco_core.job_types.builtin.{name.replace('-', '_')}")
    from flamenco_core.wire import from_json

    settings = [
        {
            key: value
            for key, value in {
                "key": each.key,
                "type": each.type,
                "subtype": each.subtype,
                "visible": each.visible,
                "editable": each.editable,
                "eval": each.eval,
            }.items()
            if value is not None
        }
        for each in module.JOB_TYPE.settings
    ]
    return from_json(
        {"name": name, "label": module.JOB_TYPE.label, "settings": settings, "etag": "1"},
        AvailableJobType,
    )


SCENE = SceneFacts(name="Scene", camera="Camera")
SESSION = SessionFacts(filepath="/show/shot.blend")


@pytest.fixture
def job(job_type: AvailableJobType) -> JobFacts:
    return JobFacts(scene=SCENE, job_type=job_type, values={"frames": "1-250"})


def findings(job: JobFacts, **facts: Any) -> list[Finding]:
    return find(Facts(**{"session": SESSION, "farm": FarmFacts(), "jobs": (job,), **facts}))


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def with_scene(job: JobFacts, **fields: Any) -> JobFacts:
    return replace(job, scene=replace(job.scene, **fields))


def test_a_scene_in_order_has_no_findings(job: JobFacts) -> None:
    assert findings(job) == []


def test_a_file_that_was_never_saved_stops(job: JobFacts) -> None:
    found = only(findings(job, session=SessionFacts()))
    assert (found.check, found.severity, found.fix) == ("unsaved", Severity.ERROR, Fix.SAVE)


def test_unsaved_changes_are_only_worth_a_note(job: JobFacts) -> None:
    found = only(findings(job, session=replace(SESSION, is_dirty=True)))
    assert (found.check, found.severity) == ("unsaved", Severity.NOTE)


def test_a_missing_camera_stops_and_the_only_one_can_be_taken(job: JobFacts) -> None:
    found = only(findings(with_scene(job, camera="", cameras=("Cam",))))
    assert (found.severity, found.fix, found.target) == (Severity.ERROR, Fix.USE_CAMERA, "Cam")
    for cameras in ((), ("a", "b")):
        found = only(findings(with_scene(job, camera="", cameras=cameras)))
        assert (found.check, found.fix) == ("camera", None)


def test_an_edit_needs_neither_camera_nor_view_layers(job: JobFacts) -> None:
    layers = (ViewLayerFacts("v", False),)
    assert findings(with_scene(job, camera="", is_edit=True, view_layers=layers)) == []


def test_a_video_format_stops(job: JobFacts) -> None:
    found = only(findings(with_scene(job, file_format="FFMPEG", is_movie_format=True)))
    assert (found.check, found.severity, found.fix) == (
        "format",
        Severity.ERROR,
        Fix.USE_IMAGE_FORMAT,
    )


def test_a_job_type_that_makes_its_own_frames_does_not_mind_a_video_format(job: JobFacts) -> None:
    edit = replace(job, job_type=builtin("video-edit-render"))
    edit_has_format = edit.has("format")
    found = findings(with_scene(edit, is_movie_format=True))
    assert bool(found) == edit_has_format


@pytest.mark.parametrize(
    ("frames", "severity"),
    [
        ("1-250", None),
        ("1-251", Severity.WARNING),
        ("0", Severity.WARNING),
        ("1-x", Severity.ERROR),
        ("10-1", Severity.ERROR),
        ("reversed: 1-250", None),
    ],
)
def test_frames_are_held_against_the_scene(
    job: JobFacts, frames: str, severity: Severity | None
) -> None:
    found = findings(replace(job, values={"frames": frames}))
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    assert all(each.fix is Fix.FRAMES_OF_SCENE for each in found)


def test_view_layers_that_are_off_ask_and_stop_if_none_is_on(job: JobFacts) -> None:
    one_off = (ViewLayerFacts("a", True), ViewLayerFacts("b", False))
    found = only(findings(with_scene(job, view_layers=one_off)))
    assert (found.severity, found.fix) == (Severity.WARNING, Fix.ENABLE_VIEW_LAYERS)
    assert "“b”" in found.what
    all_off = (ViewLayerFacts("a", False), ViewLayerFacts("b", False))
    assert only(findings(with_scene(job, view_layers=all_off))).severity is Severity.ERROR


def test_what_needs_an_addon_is_named(job: JobFacts) -> None:
    needs = (AddonNeed("luxcore", "The render engine Lux"), AddonNeed("", "The node “X” in “M”"))
    found = findings(with_scene(job, needs=needs))
    assert [each.check for each in found] == ["add-ons", "add-ons"]
    assert "“luxcore”" in found[0].what
    assert "not here either" in found[1].what


@pytest.mark.parametrize(("path", "count"), [("//passes/", 1), ("", 1), ("/farm/passes/", 0)])
def test_files_beside_the_frames_need_a_place_that_workers_have(
    job: JobFacts, path: str, count: int
) -> None:
    outputs = (OutputPath("The File Output node “Depth”", path),)
    assert len(findings(with_scene(job, output_paths=outputs))) == count


def test_missing_files_stop_and_many_are_counted(job: JobFacts) -> None:
    missing = tuple(FileFacts("Image", f"i{n}", Path(f"/x/{n}.png")) for n in range(12))
    found = findings(job, missing=missing)
    assert len(errors(found)) == 9
    assert "/x/0.png" in found[0].what
    assert found[-1].what == "4 more files are missing."


def test_caches_ask_if_they_are_not_baked_or_lie_elsewhere(job: JobFacts) -> None:
    caches = (
        CacheFacts("Cloth of “Flag”", False),
        CacheFacts("Fluid of “Sea”", True, "/elsewhere/cache"),
        CacheFacts("Fluid of “Lake”", True, "/show/cache"),
        CacheFacts("Cloth of “Cape”", True),
    )
    found = findings(job, caches=caches, project=PurePosixPath("/show"))
    assert [each.what.split(" of ")[1].split(" ")[0] for each in found] == ["“Flag”", "“Sea”"]
    assert {each.severity for each in found} == {Severity.WARNING}


def test_a_simulation_that_may_be_baked_is_noted_and_asks_nothing(job: JobFacts) -> None:
    found = only(findings(job, caches=(CacheFacts("The simulation in GN of “Ivy”", None),)))
    assert (found.check, found.severity) == ("caches", Severity.NOTE)
    assert "“Ivy”" in found.what


def test_a_cache_on_windows_lies_in_its_project_whatever_the_case(job: JobFacts) -> None:
    cache = (CacheFacts("Fluid of “Lake”", True, "C:\\Show\\cache"),)
    assert findings(job, caches=cache, project=PureWindowsPath("c:/show")) == []


def test_without_a_manager_nothing_can_be_sent(job: JobFacts) -> None:
    found = only(findings(job, farm=FarmFacts(is_connected=False, sentence="Nobody answers.")))
    assert (found.severity, found.what, found.fix) == (
        Severity.ERROR,
        "Nobody answers.",
        Fix.ASK_AGAIN,
    )


def test_a_tag_that_the_farm_does_not_have_stops(job: JobFacts) -> None:
    found = only(findings(replace(job, unknown_tag_in="Shot")))
    assert (found.severity, found.fix, found.scene) == (Severity.ERROR, Fix.ANY_WORKER, "Shot")


def test_expressions_that_wait_for_trust_stop(job: JobFacts) -> None:
    found = only(findings(replace(job, is_distrusted=True)))
    assert (found.severity, found.fix) == (Severity.ERROR, Fix.TRUST_FARM)


def test_what_the_manager_refuses_is_told_with_the_label_of_the_setting(job: JobFacts) -> None:
    problems = (
        Problem("settings.chunk_size", "must be a whole number", "give one"),
        Problem("", "the farm is full"),
    )
    found = errors(findings(replace(job, problems=problems)))
    assert [str(each) for each in found] == [
        "Scene: Chunk Size must be a whole number. Give one",
        "Scene: The farm is full.",
    ]


FARM = FarmFacts(
    storage="/mnt/farm/jobs",
    variables={
        "shots": ManagerVariable(value="/mnt/shots", is_twoway=True),
        "blender": ManagerVariable(value="/opt/blender", is_twoway=False),
    },
)


@pytest.mark.parametrize(
    ("path", "is_fine"),
    [
        ("/mnt/farm/jobs/x", True),
        ("/mnt/farm/renders", True),
        ("/mnt/shots/10", True),
        ("/mnt/shots2/10", False),
        ("/opt/blender/x", False),
        ("/home/ana/renders", False),
        ("{shots}/x", True),
        ("//renders", False),
        ("renders", False),
        ("", True),
    ],
)
def test_a_folder_that_only_this_computer_knows_asks(
    job: JobFacts, path: str, is_fine: bool
) -> None:
    values = {"frames": "1-250", "render_output_root": path}
    found = findings(replace(job, values=values), farm=FARM)
    assert (found == []) == is_fine
    assert all(each.fix is Fix.OUTPUT_ON_FARM for each in found)


def test_every_folder_is_fine_for_a_farm_on_this_computer(job: JobFacts) -> None:
    values = {"frames": "1-250", "render_output_root": "/home/ana/renders"}
    assert findings(replace(job, values=values), farm=replace(FARM, is_this_computer=True)) == []


def test_a_relative_folder_counts_from_the_file(job: JobFacts) -> None:
    inside = replace(job, values={"render_output_root": "//renders"})
    session = SessionFacts(filepath="/mnt/shots/10/shot.blend")
    assert findings(inside, farm=FARM, session=session) == []


def test_on_windows_case_and_slashes_do_not_matter() -> None:
    farm = FarmFacts(storage="F:\\Farm\\jobs")
    assert is_mapped("f:/farm/JOBS/x", farm, "windows")
    assert not is_mapped("G:\\farm\\jobs", farm, "windows")


@pytest.mark.parametrize(
    ("versions", "is_fine"),
    [
        (None, True),
        (frozenset(), True),
        (frozenset({"4.5.1", "4.2.0"}), True),
        (frozenset({"4.2.3"}), False),
        (frozenset({"5.0.1"}), False),
        (frozenset({"custom build"}), True),
    ],
)
def test_the_version_of_blender_is_held_against_the_workers(
    job: JobFacts, versions: frozenset[str] | None, is_fine: bool
) -> None:
    found = findings(job, farm=FarmFacts(blender_versions=versions))
    assert (found == []) == is_fine
    assert [each.severity for each in warnings(found)] == [each.severity for each in found]


@pytest.mark.parametrize(
    ("devices", "is_fine"),
    [(None, True), (frozenset({"cpu"}), False), (frozenset({"cpu", "gpu"}), True)],
)
def test_a_gpu_that_nobody_has_asks(
    job: JobFacts, devices: frozenset[str] | None, is_fine: bool
) -> None:
    found = findings(with_scene(job, wants_gpu=True), farm=FarmFacts(devices=devices))
    assert (found == []) == is_fine


def test_overrides_need_a_manager_that_knows_them(job: JobFacts) -> None:
    farm = FarmFacts(knows_overrides=False)
    assert findings(job, farm=farm) == []
    assert only(findings(replace(job, has_overrides=True), farm=farm)).severity is Severity.ERROR


def test_bad_overrides_stop(job: JobFacts) -> None:
    problems = (Problem("rna_overrides[0]", "line 1, column 3: invalid syntax"),)
    assert only(findings(replace(job, override_problems=problems))).severity is Severity.ERROR


def test_a_job_without_a_file_has_nothing_to_do_with_the_scene(job: JobFacts) -> None:
    command = replace(job, job_type=builtin("run-command"), values={})
    bad_scene = with_scene(command, camera="", view_layers=(ViewLayerFacts("v", False),))
    assert findings(bad_scene, session=SessionFacts()) == []


def test_errors_come_first_and_nothing_twice(job: JobFacts) -> None:
    bad = with_scene(
        job, camera="", view_layers=(ViewLayerFacts("a", True), ViewLayerFacts("b", False))
    )
    found = find(Facts(session=replace(SESSION, is_dirty=True), farm=FarmFacts(), jobs=(bad, bad)))
    assert [each.severity for each in found] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]


def test_files_are_looked_for_with_tiles_and_sequences(tmp_path: Path) -> None:
    for name in ("a.png", "b.1001.png", "c_0005.png"):
        (tmp_path / name).touch()

    def file(name: str, is_sequence: bool = False) -> FileFacts:
        return FileFacts("Image", name, tmp_path / name, is_sequence)

    files = [
        file("a.png"),
        file("gone.png"),
        file("b.<UDIM>.png"),
        file("gone.<UDIM>.png"),
        file("c_0001.png", True),
        file("gone.png"),
    ]
    assert [each.name for each in existing_or_missing(files)] == ["gone.png", "gone.<UDIM>.png"]
