"""Settings of job types as properties of Blender: every kind, kept in the file, kept on changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.farm.farm import Farm
from tests.flamenco_addon.bpy_pythons import BLENDERS
from tests.flamenco_addon.submission.artist import as_artist

SCRIPT = """
JOB_TYPE = {job_type}

def compile_job(job):
    job.task("say", type="misc").command("echo", {{"message": "x"}})
"""

SETTINGS: list[dict[str, Any]] = [
    {"key": "text", "type": "string", "default": "usual", "description": "Some text"},
    {"key": "file", "type": "string", "subtype": "file_path"},
    {"key": "folder", "type": "string", "subtype": "dir_path"},
    {"key": "name", "type": "string", "subtype": "file_name"},
    {"key": "hashed", "type": "string", "subtype": "hashed_file_path"},
    {"key": "quality", "type": "string", "choices": ["low", "high"], "default": "high"},
    {"key": "count", "type": "int32", "default": 3, "propargs": {"min": 1, "max": 10}},
    {"key": "scale", "type": "float", "default": 0.5, "label": "Size of It"},
    {"key": "switch", "type": "bool", "default": True},
    {
        "key": "linked",
        "type": "int32",
        "eval": "C.scene.frame_end",
        "eval_info": {"show_link_button": True, "description": "Last frame"},
    },
    {
        "key": "shown",
        "type": "string",
        "eval": "f'{jobname}: {settings.count}'",
        "editable": False,
    },
    {"key": "filled", "type": "string", "eval": "C.scene.name + '!'"},
    {"key": "hidden", "type": "float", "eval": "C.scene.render.fps", "visible": "hidden"},
    {"key": "for_web", "type": "string", "eval": "C.scene.name", "visible": "web"},
    {"key": "broken", "type": "string", "eval": "1 / 0", "editable": False},
]

CHANGED: list[dict[str, Any]] = [
    {"key": "text", "type": "bool"},
    {"key": "folder", "type": "string"},
    {"key": "quality", "type": "string", "choices": ["new", "low", "highest"]},
    {"key": "count", "type": "int32", "default": 1, "propargs": {"min": 1, "max": 4}},
    {"key": "scale", "type": "float", "default": 9.0},
    {"key": "added", "type": "bool", "default": True},
]

WITHOUT_LOW = [
    {"key": "quality", "type": "string", "choices": ["new", "highest"]},
]

STEPS = """
values = lambda: {key: getattr(scene.flamenco_job_settings, key) for key in keys}
seen = {}
connect()
scene.frame_end = 42
scene.flamenco_job_name = "job"
scene.flamenco_job_type = "all-kinds"
group = scene.flamenco_job_settings
properties = {
    each.identifier: [
        each.type, each.subtype, each.name, each.description, getattr(each, "hard_max", None)]
    for each in group.bl_rna.properties}
untrusted = {"shown": group.shown, "linked": group.shown_linked, "filled": group.filled}
refused = refusal(bpy.ops.flamenco.submit_job)
bpy.ops.flamenco.trust_farm()
trusted = {
    "shown": group.shown, "linked": group.shown_linked, "filled": group.filled,
    "broken": group.broken}
farm_type = job_settings.job_type_of(scene)
every = lambda: job_settings.values_for(
    scene, farm_type, job_name="job", decided={"broken": "mended"}).all_values()
computed = every()
group.autoeval_linked = False
group.linked, group.count, group.quality = 7, 9, "low"
group.text, group.folder, group.scale, group.switch = "mine", "/a/b", 2.5, False
stored = every()
group.filled = "by hand"
bpy.ops.flamenco.eval_setting(setting_key="filled")
evaluated = group.filled
save("settings.blend")
dirty_by_reading = bpy.data.is_dirty and not bpy.app.background

def change(settings):
    # As the farm's person who writes job types does.
    Path(script_file).write_text(settings, encoding="utf-8")
    connect()
    return scene.flamenco_job_settings

group = change(changed)
after = {key: getattr(group, key) for key in
         ("text", "folder", "quality", "count", "scale", "added")}
group = change(without_low)
without = group.quality
group = change(original)
bpy.ops.wm.open_mainfile(filepath=str(Path(project, "settings.blend")))
scene = bpy.context.scene
group = scene.flamenco_job_settings
reopened = {key: getattr(group, key) for key in
            ("text", "folder", "quality", "count", "scale", "switch", "linked", "autoeval_linked")}
scene.flamenco_job_type = "echo-sleep-test"
scene.flamenco_job_settings.message = "hello"
scene.flamenco_job_type = "all-kinds"
there_and_back = [scene.flamenco_job_settings.count]
scene.flamenco_job_type = "echo-sleep-test"
there_and_back.append(scene.flamenco_job_settings.message)
scene.flamenco_job_type = "all-kinds"
os.remove(script_file)
connect()
gone = [scene.flamenco_job_type, scene.flamenco_job_type_name,
        refusal(bpy.ops.flamenco.submit_job)]
answer({
    "properties": properties, "untrusted": untrusted, "refused": refused, "trusted": trusted,
    "computed": computed, "stored": stored, "evaluated": evaluated, "after": after,
    "without": without, "reopened": reopened, "there and back": there_and_back, "gone": gone,
})
"""


def script_of(settings: list[dict[str, Any]]) -> str:
    """A job type in Python that has these settings."""
    made = ", ".join(
        "Setting({!r}, {!r}{})".format(
            each["key"],
            each["type"],
            "".join(
                f", {name}={_info(value) if name == 'eval_info' else repr(value)}"
                for name, value in each.items()
                if name not in ("key", "type")
            ),
        )
        for each in settings
    )
    header = "from flamenco_core.job_types.authoring import EvalInfo, JobType, Setting\n"
    return header + SCRIPT.format(job_type=f'JobType(label="All Kinds", settings=[{made}])')


def _info(info: dict[str, Any]) -> str:
    return f"EvalInfo(**{json.dumps(info).replace('true', 'True')})"


@pytest.fixture(scope="module", params=BLENDERS)
def seen(
    request: pytest.FixtureRequest,
    farm: Farm,
    extension_zip: Path,
    extension_zip_5_1: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    scripts = farm.home / "scripts"
    scripts.mkdir(exist_ok=True)
    file = scripts / "all_kinds.py"
    file.write_text(script_of(SETTINGS), encoding="utf-8")
    zips = {"4.5": None, "4.2": extension_zip, "5.0": extension_zip, "5.1+": extension_zip_5_1}
    found: dict[str, Any] = as_artist(
        STEPS,
        home=tmp_path_factory.mktemp("artist"),
        url=farm.url,
        blender=request.param,
        extension=zips[request.param],
        names={
            "script_file": str(file),
            "original": script_of(SETTINGS),
            "changed": script_of(CHANGED),
            "without_low": script_of(WITHOUT_LOW),
            "keys": [each["key"] for each in SETTINGS],
        },
    )
    return found


@pytest.mark.parametrize(
    ("key", "kind", "subtype", "name"),
    [
        ("text", "STRING", "NONE", "Text"),
        ("file", "STRING", "FILE_PATH", "File"),
        ("folder", "STRING", "DIR_PATH", "Folder"),
        ("name", "STRING", "FILE_NAME", "Name"),
        ("hashed", "STRING", "FILE_PATH", "Hashed"),
        ("quality", "ENUM", "NONE", "Quality"),
        ("count", "INT", "NONE", "Count"),
        ("scale", "FLOAT", "NONE", "Size of It"),
        ("switch", "BOOLEAN", "NONE", "Switch"),
        ("shown", "STRING", "NONE", "Shown"),
        ("autoeval_linked", "BOOLEAN", "NONE", "Link Linked"),
    ],
)
def test_each_kind_of_setting_is_its_kind_of_property(
    seen: dict[str, Any], key: str, kind: str, subtype: str, name: str
) -> None:
    property_key = key if key != "name" else "name"
    assert seen["properties"][property_key][:3] == [kind, subtype, name]


def test_tooltips_and_limits_come_from_the_manager(seen: dict[str, Any]) -> None:
    assert seen["properties"]["text"][3] == "Some text"
    assert seen["properties"]["count"][4] == 10
    assert "Last frame" in seen["properties"]["shown_linked"][3]


def test_the_farms_own_expressions_do_not_run_before_they_are_trusted(
    seen: dict[str, Any],
) -> None:
    waiting = "(waits for your trust in this farm)"
    assert seen["untrusted"] == {"shown": waiting, "linked": waiting, "filled": ""}
    assert "Look at it, and say that it may run." in seen["refused"]


def test_they_run_once_the_farm_is_trusted_and_fill_in_what_was_never_set(
    seen: dict[str, Any],
) -> None:
    trusted = seen["trusted"]
    assert (trusted["shown"], trusted["linked"], trusted["filled"]) == ("job: 3", "42", "Scene!")
    assert "division by zero" in trusted["broken"]


def test_a_job_gets_computed_linked_and_default_values(seen: dict[str, Any]) -> None:
    assert seen["computed"] == {
        "text": "usual",
        "file": "",
        "folder": "",
        "name": "",
        "hashed": "",
        "quality": "high",
        "count": 3,
        "scale": 0.5,
        "switch": True,
        "linked": 42,
        "shown": "job: 3",
        "filled": "Scene!",
        "hidden": 24.0,
        "for_web": "Scene",
        "broken": "mended",
    }


def test_what_the_artist_sets_counts(seen: dict[str, Any]) -> None:
    stored = seen["stored"]
    assert (stored["linked"], stored["count"], stored["quality"]) == (7, 9, "low")
    assert stored["shown"] == "job: 9"


def test_a_button_fills_in_what_blender_says_now(seen: dict[str, Any]) -> None:
    assert seen["evaluated"] == "Scene!"


def test_a_changed_job_type_keeps_what_still_fits(seen: dict[str, Any]) -> None:
    assert seen["after"] == {
        "text": False,
        "folder": "/a/b",
        "quality": "low",
        "count": 4,
        "scale": 2.5,
        "added": True,
    }
    assert seen["without"] == "new"


def test_values_are_kept_in_the_file(seen: dict[str, Any]) -> None:
    assert seen["reopened"] == {
        "text": "mine",
        "folder": "/a/b",
        "quality": "low",
        "count": 9,
        "scale": 2.5,
        "switch": False,
        "linked": 7,
        "autoeval_linked": False,
    }


def test_another_job_type_and_back_again_loses_nothing(seen: dict[str, Any]) -> None:
    assert seen["there and back"] == [9, "hello"]


def test_a_job_type_that_is_gone_is_remembered_by_its_name(seen: dict[str, Any]) -> None:
    shown, remembered, said = seen["gone"]
    assert (shown, remembered) == ("-", "all-kinds")
    assert "no job type “all-kinds”" in said
