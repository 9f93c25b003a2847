"""All ways to submit, without a window, to a real Manager."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from tests.farm.farm import Farm, request
from tests.flamenco_addon.bpy_pythons import BLENDERS
from tests.flamenco_addon.submission.artist import as_artist

ALL_WAYS = """
connect()
small(scene)
unsaved = refusal(bpy.ops.flamenco.submit_job)
save()
jobs = {}

def note(name, **wishes):
    jobs[name] = submit(**wishes)

note("plain")
scene.flamenco_job_name = "named"
scene.flamenco_job_priority = 80
scene.flamenco_job_submit_as_paused = True
scene.flamenco_worker_tag = [
    item for item in connection.current().farm.tags if item.name == "fast"][0].id
note("as the panel says")
scene.flamenco_job_name, scene.flamenco_job_submit_as_paused = "", False
scene.flamenco_worker_tag, scene.flamenco_job_priority = "-", 50
note("as the script says", job_name="other", priority=7, paused=True, tag="fast",
     frames="1,3", settings='{"chunk_size": 2}')

bpy.data.objects["Cube"].location.x = 12.5
before = Path(bpy.data.filepath).read_bytes()
note("changed")
unchanged = Path(bpy.data.filepath).read_bytes() == before
beside = sorted(os.listdir(project))
same_file = bpy.data.filepath == str(Path(project, "shot.blend"))
save()

scene.frame_current = 2
scene.flamenco_frames = "CURRENT"
note("current frame")
scene.flamenco_frames = "PREVIEW"
no_preview = refusal(bpy.ops.flamenco.submit_job)
scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 2, 3
note("preview range")
scene.use_preview_range = False
scene.flamenco_frames = "MARKERS"
no_marker = refusal(bpy.ops.flamenco.submit_job)
for frame in (1, 2, 3):
    scene.timeline_markers.new(f"m{frame}", frame=frame).select = frame > 1
note("markers")
scene.flamenco_frames = "STRIPS"
no_strips = refusal(bpy.ops.flamenco.submit_job)
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
length = {"length": 2} if bpy.app.version >= (5, 0, 0) else {"frame_end": 4}
strip = strips.new_effect(name="c", type="COLOR", channel=1, frame_start=2, **length)
strip.select = True
note("strips")
strips.remove(strip)
scene.flamenco_frames = "SETTINGS"
scene.flamenco_job_settings.autoeval_frames = False
scene.flamenco_job_settings.frames = "2-3"
note("own frames")
scene.flamenco_job_settings.autoeval_frames = True

camera = bpy.data.objects.new("Side", bpy.data.cameras.new("Side"))
scene.collection.objects.link(camera)
scene.view_layers.new("Masks")
scene.view_layers.new("Off").use = False
note("cameras", cameras="ALL")
bpy.context.view_layer.objects.active = camera
for each in scene.objects:
    each.select_set(each == camera)
note("selected camera", cameras="SELECTED")
note("view layers", view_layers="EACH")
second = bpy.data.scenes.new("Second")
small(second)
second.camera, second.frame_end = camera, 2
second.collection.objects.link(camera)
third = bpy.data.scenes.new("Third")
none_marked = refusal(bpy.ops.flamenco.submit_job, scenes="MARKED")
scene.flamenco_is_marked = second.flamenco_is_marked = True
note("scenes", scenes="MARKED")
cameraless = refusal(bpy.ops.flamenco.submit_job, scenes="ALL")
note("both", scenes="MARKED", cameras="ALL")
second.flamenco_job_type_name = scene.flamenco_job_type_name
second.flamenco_worker_tag_id = "00000000-0000-4000-8000-000000000000"
second_tag = refusal(bpy.ops.flamenco.submit_job, scenes="MARKED")
second.flamenco_worker_tag_id = second.flamenco_job_type_name = ""

bpy.ops.flamenco.add_override(line="C.scene.cycles.samples = 3")
bpy.ops.flamenco.add_override(line="D.scenes['Scene'].render.use_border = False")
scene.flamenco_rna_overrides[1].is_enabled = False
note("overrides")
scene.flamenco_rna_overrides[0].line = "C.scene. = 3"
bad_override = refusal(bpy.ops.flamenco.submit_job)
scene.flamenco_rna_overrides.clear()

note("no file", job_type="echo-sleep-test",
     settings='{"message": "hello", "sleep_duration_seconds": 0}')
forecast = [
    list(bpy.ops.flamenco.dry_run_job()), drivers.current().message, len(drivers.current().jobs)]
answer({
    "jobs": jobs,
    "refusals": {
        "unsaved": unsaved, "no preview": no_preview, "no marker": no_marker,
        "no strips": no_strips, "none marked": none_marked, "cameraless": cameraless,
        "second tag": second_tag,
        "bad override": bad_override,
        "bad settings": refusal(bpy.ops.flamenco.submit_job, settings="[1]"),
        "no such type": refusal(bpy.ops.flamenco.submit_job, job_type="nonsense"),
        "no such tag": refusal(bpy.ops.flamenco.submit_job, tag="nonsense"),
        "no such setting": refusal(bpy.ops.flamenco.submit_job, settings='{"nonsense": 1}'),
        "bad value": refusal(bpy.ops.flamenco.submit_job, settings='{"chunk_size": "many"}'),
    },
    "forecast": forecast,
    "unchanged": unchanged, "beside": beside, "same file": same_file,
    "left behind": [str(each) for each in Path(__import__("tempfile").gettempdir()).glob(
        "flamenco-copy-*")],
    "blender": bpy.app.version_string.split()[0],
})
"""


@pytest.fixture(scope="module", params=BLENDERS)
def submitted(
    request: pytest.FixtureRequest,
    farm: Farm,
    extension_zip: Path,
    extension_zip_5_1: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What came of all ways to submit."""
    tags = farm.get("/api/v3/worker-mgt/tags")["tags"]
    if not tags:
        tag = {"name": "fast", "description": "quick machines"}
        assert _post(farm, "/api/v3/worker-mgt/tags", tag)["name"] == "fast"
    zips = {"4.5": None, "4.2": extension_zip, "5.0": extension_zip, "5.1+": extension_zip_5_1}
    home = tmp_path_factory.mktemp("artist")
    scratch = tmp_path_factory.mktemp("scratch")
    found: dict[str, Any] = as_artist(
        "os.environ['TMPDIR'] = scratch\n" + ALL_WAYS,
        home=home,
        url=farm.url,
        blender=request.param,
        extension=zips[request.param],
        names={"scratch": str(scratch)},
    )
    return found


def _post(farm: Farm, path: str, body: object) -> Any:
    status, answer = request(farm.url + path, body)
    assert status < 300, answer
    return answer


def jobs_of(farm: Farm, submitted: dict[str, Any], way: str) -> list[dict[str, Any]]:
    return [farm.job(job_id) for job_id in submitted["jobs"][way]]


def job_of(farm: Farm, submitted: dict[str, Any], way: str) -> dict[str, Any]:
    (job,) = jobs_of(farm, submitted, way)
    return job


def overrides_of(farm: Farm, job: dict[str, Any]) -> list[str]:
    lines: list[str] = farm.get(f"/api/v3/jobs/{job['id']}/rna-overrides")["rna_overrides"]
    return lines


def file_of(farm: Farm, job: dict[str, Any]) -> Path:
    """The .blend file as workers find it."""
    place = job["settings"]["blendfile"]
    return Path(place.replace("{jobs}", str(farm.folder / "shared" / "jobs")))


def test_a_job_has_what_the_scene_says(farm: Farm, submitted: dict[str, Any]) -> None:
    job = job_of(farm, submitted, "plain")
    settings = job["settings"]
    assert (job["name"], job["type"], job["priority"]) == ("shot", "simple-blender-render", 50)
    assert job["status"] == "queued"
    assert (settings["frames"], settings["scene"], settings["format"]) == ("1-3", "Scene", "PNG")
    assert (settings["fps"], settings["image_file_extension"]) == (24, ".png")
    assert settings["render_output_path"].startswith(f"{farm.folder}/shared/renders/shot/")
    assert file_of(farm, job).name == "shot.blend"
    assert file_of(farm, job).exists()
    assert len(farm.tasks(job["id"])) == 4


def test_jobs_can_be_searched_by_who_made_them_where_and_with_what(
    farm: Farm, submitted: dict[str, Any]
) -> None:
    metadata = job_of(farm, submitted, "plain")["metadata"]
    assert metadata == {
        "user": getpass.getuser(),
        "project": "project",
        "file": "shot.blend",
        "scene": "Scene",
        "blender": submitted["blender"],
    }


@pytest.mark.parametrize(
    ("way", "name", "priority"),
    [("as the panel says", "named", 80), ("as the script says", "other", 7)],
)
def test_name_priority_tag_and_pause(
    farm: Farm, submitted: dict[str, Any], way: str, name: str, priority: int
) -> None:
    job = job_of(farm, submitted, way)
    assert (job["name"], job["priority"], job["status"]) == (name, priority, "paused")
    (tag,) = farm.get("/api/v3/worker-mgt/tags")["tags"]
    assert job["worker_tag"] == tag["id"]


def test_a_script_can_give_any_setting(farm: Farm, submitted: dict[str, Any]) -> None:
    settings = job_of(farm, submitted, "as the script says")["settings"]
    assert (settings["frames"], settings["chunk_size"]) == ("1,3", 2)


def test_changes_are_sent_in_a_copy_and_the_file_stays_as_it_is(
    farm: Farm, submitted: dict[str, Any]
) -> None:
    job = job_of(farm, submitted, "changed")
    plain = job_of(farm, submitted, "plain")
    assert file_of(farm, job).name == "shot.blend"
    assert file_of(farm, job).read_bytes() != file_of(farm, plain).read_bytes()
    assert submitted["unchanged"]
    assert submitted["same file"]
    assert [name for name in submitted["beside"] if not name.startswith("shot.blend")] == []
    assert submitted["left behind"] == []


@pytest.mark.parametrize(
    ("way", "frames"),
    [
        ("current frame", "2"),
        ("preview range", "2-3"),
        ("markers", "2-3"),
        ("strips", "2-3"),
        ("own frames", "2-3"),
    ],
)
def test_frames_are_chosen_in_many_ways(
    farm: Farm, submitted: dict[str, Any], way: str, frames: str
) -> None:
    assert job_of(farm, submitted, way)["settings"]["frames"] == frames


def test_each_camera_has_a_job_that_renders_with_it(farm: Farm, submitted: dict[str, Any]) -> None:
    jobs = jobs_of(farm, submitted, "cameras")
    assert [job["name"] for job in jobs] == ["shot - Camera", "shot - Side"]
    assert [job["metadata"]["camera"] for job in jobs] == ["Camera", "Side"]
    assert "D.scenes['Scene'].camera = D.scenes['Scene'].objects['Side']" in overrides_of(
        farm, jobs[1]
    )
    outputs = {job["settings"]["render_output_path"].split("/")[-3] for job in jobs}
    assert outputs == {"shot - Camera", "shot - Side"}
    assert [job["name"] for job in jobs_of(farm, submitted, "selected camera")] == ["shot - Side"]


def test_jobs_of_one_submission_share_one_copy_of_the_file(
    farm: Farm, submitted: dict[str, Any]
) -> None:
    jobs = jobs_of(farm, submitted, "cameras")
    assert len({job["settings"]["blendfile"] for job in jobs}) == 1
    assert len({job["storage"]["shaman_checkout_id"] for job in jobs}) == 1


def test_each_enabled_view_layer_has_a_job(farm: Farm, submitted: dict[str, Any]) -> None:
    jobs = jobs_of(farm, submitted, "view layers")
    assert [job["metadata"]["view_layer"] for job in jobs] == ["ViewLayer", "Masks"]
    assert all("layer.use = " in overrides_of(farm, job)[0] for job in jobs)


def test_each_scene_has_a_job_with_its_own_frames(farm: Farm, submitted: dict[str, Any]) -> None:
    jobs = jobs_of(farm, submitted, "scenes")
    assert [(job["name"], job["settings"]["scene"]) for job in jobs] == [
        ("shot - Scene", "Scene"),
        ("shot - Second", "Second"),
    ]
    assert [job["settings"]["frames"] for job in jobs] == ["1-3", "1-2"]
    assert len(submitted["jobs"]["both"]) == 3


def test_only_enabled_overrides_are_sent(farm: Farm, submitted: dict[str, Any]) -> None:
    job = job_of(farm, submitted, "overrides")
    assert overrides_of(farm, job) == ["C.scene.cycles.samples = 3"]


def test_job_types_without_a_file_send_none(farm: Farm, submitted: dict[str, Any]) -> None:
    job = job_of(farm, submitted, "no file")
    assert job["settings"]["message"] == "hello"
    assert "storage" not in job


def test_a_dry_run_tells_what_would_become_of_the_job_and_makes_none(
    submitted: dict[str, Any],
) -> None:
    outcome, message, jobs = submitted["forecast"]
    assert (outcome, jobs) == (["FINISHED"], 0)
    assert "worker" in message


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unsaved", "never saved"),
        ("no preview", "no preview range"),
        ("no marker", "No marker is selected"),
        ("no strips", "No strip is selected"),
        ("none marked", "No scene is marked"),
        ("cameraless", "The scene has no camera"),
        ("second tag", "the worker tag that the scene “Second” asks for"),
        ("bad override", "no valid Python: line 1"),
        ("bad settings", "no JSON object"),
        ("no such type", "no job type “nonsense”"),
        ("no such tag", "its tags: fast"),
        ("no such setting", "no setting “nonsense”"),
        ("bad value", "Chunk Size must be a whole number"),
    ],
)
def test_what_cannot_be_submitted_is_said_in_words(
    submitted: dict[str, Any], case: str, words: str
) -> None:
    said = submitted["refusals"][case]
    assert words in said
    assert "Traceback" not in said
