"""From `--set key=value` texts and what the .blend file says to a job's settings.

The add-on fills settings by running the job type's expressions in Blender. Here the settings that
built-in job types fill so are known by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.frames import parse_frames
from flamenco_core.job_types.setting import filled_in_settings
from flamenco_core.model import AvailableJobSetting, AvailableJobType, SettingType
from flamenco_core.packing import BlendFacts, SceneFacts, folder_name

_BOOL_WORDS = {
    **dict.fromkeys(["true", "yes", "on", "1"], True),
    **dict.fromkeys(["false", "no", "off", "0"], False),
}
FRAMES, BLENDFILE = "frames", "blendfile"
_FORMAT, _EXTENSION = "format", "image_file_extension"
_SCENE, _OUTPUT_ROOT, _OUTPUT_PATH = "scene", "render_output_root", "render_output_path"


@dataclass(frozen=True, slots=True)
class SubmissionFacts:
    """What settings can be filled with when the person does not give them."""

    job_name: str
    output_folder: str
    """Below it the frames go, if nobody says where."""
    blend: Path | None = None
    blend_facts: BlendFacts | None = None
    blendfile_on_farm: str = ""


def parse_assignments(assignments: Sequence[str], *, option: str = "--set") -> dict[str, str]:
    """`["frames=1-10"]` → `{"frames": "1-10"}`. Raises `InvalidInput` with all that are none."""
    parsed: dict[str, str] = {}
    problems: list[Problem] = []
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            problems.append(Problem(f"{option} {assignment}", "is not of the form key=value"))
        elif key.strip() in parsed:
            problems.append(Problem(f"{option} {assignment}", f"{key.strip()} is given twice"))
        else:
            parsed[key.strip()] = value
    if problems:
        raise InvalidInput(f"what stands behind {option} cannot be read", problems=problems)
    return parsed


def has_setting(job_type: AvailableJobType, key: str) -> bool:
    return any(setting.key == key for setting in job_type.settings)


def make_settings(
    job_type: AvailableJobType, given: Mapping[str, str], facts: SubmissionFacts
) -> dict[str, Any]:
    """The job's settings: what was given, else what the file says, else the default.

    Raises `InvalidInput` with every fault.
    """
    definitions = {setting.key: setting for setting in job_type.settings}
    values = {
        key: typed_value(definitions[key], text) if key in definitions else text
        for key, text in given.items()
    }
    scene, problems = _wanted_scene(given, facts)
    if scene is not None:
        _fill(values, _scene_values(scene), definitions)
    if BLENDFILE in definitions and facts.blendfile_on_farm:
        values.setdefault(BLENDFILE, facts.blendfile_on_farm)
    _fill_output(values, definitions, facts)
    if _EXTENSION in definitions and values.get(_EXTENSION) == "":
        problems.append(_video_problem(str(values.get(_FORMAT))))
        values[_EXTENSION] = "none"  # one problem says enough
    try:
        values = filled_in_settings(job_type.settings, values)
    except InvalidInput as error:
        problems += error.problems
    problems += _frames_problems(values)
    if problems:
        raise InvalidInput(f"the settings do not fit {job_type.name}", problems=problems)
    return values


def typed_value(definition: AvailableJobSetting, text: str) -> Any:
    """The text as a value of the setting's type; unchanged if it is none, to be refused later."""
    try:
        match definition.type:
            case SettingType.INT32:
                return int(text)
            case SettingType.FLOAT:
                return float(text)
            case SettingType.BOOL:
                return _BOOL_WORDS.get(text.strip().lower(), text)
            case SettingType.STRING:
                return text
    except ValueError:
        return text


def _video_problem(image_format: str) -> Problem:
    what = f"“{image_format}” is a video format, and frames are rendered one by one"
    return Problem(f"settings.{_FORMAT}", what, "choose an image format in the output properties")


def _wanted_scene(
    given: Mapping[str, str], facts: SubmissionFacts
) -> tuple[SceneFacts | None, list[Problem]]:
    if facts.blend_facts is None:
        return None, []
    name = given.get(_SCENE)
    scene = facts.blend_facts.scene(name)
    if scene is None and name is not None:
        names = ", ".join(scene.name for scene in facts.blend_facts.scenes)
        return None, [
            Problem(f"settings.{_SCENE}", f"the file has no scene {name!r}", f"it has {names}")
        ]
    return scene, []


def _scene_values(scene: SceneFacts) -> dict[str, Any]:
    values: dict[str, Any] = {
        FRAMES: f"{scene.frame_start}-{scene.frame_end}",
        "fps": scene.fps,
        "has_previews": scene.has_previews,
        _SCENE: scene.name,
    }
    if scene.image_format is not None:
        values[_FORMAT] = scene.image_format.name
        values[_EXTENSION] = scene.image_format.extension
    return values


def _fill(
    values: dict[str, Any],
    known: Mapping[str, Any],
    definitions: Mapping[str, AvailableJobSetting],
) -> None:
    for key, value in known.items():
        if key in definitions:
            values.setdefault(key, value)


def _fill_output(
    values: dict[str, Any],
    definitions: Mapping[str, AvailableJobSetting],
    facts: SubmissionFacts,
) -> None:
    """Where frames go: the root, then folders of the blend file, the job and its time."""
    if _OUTPUT_ROOT not in definitions:
        return
    root = str(values.get(_OUTPUT_ROOT) or definitions[_OUTPUT_ROOT].default or "")
    values[_OUTPUT_ROOT] = root = _absolute(root) if root else facts.output_folder
    if _OUTPUT_PATH not in definitions or values.get(_OUTPUT_PATH):
        return
    components = definitions.get("add_path_components")
    count = values.get("add_path_components", components.default if components else 0)
    folders = _last_folders(facts.blend, count) if isinstance(count, int) else []
    parts = [root.rstrip("/"), *folders, folder_name(facts.job_name), "{timestamp}", "######"]
    values[_OUTPUT_PATH] = "/".join(parts)


def _absolute(root: str) -> str:
    """A relative folder means one below the current folder; `{variable}` paths stay."""
    if root.startswith("{"):
        return root
    return Path(root).expanduser().absolute().as_posix()


def _last_folders(blend: Path | None, count: int) -> list[str]:
    if blend is None or count <= 0:
        return []
    parent = blend.absolute().parent
    return list(parent.parts[1:] if parent.anchor else parent.parts)[-count:]


def _frames_problems(values: Mapping[str, Any]) -> list[Problem]:
    frames = values.get(FRAMES)
    if not isinstance(frames, str) or not frames:
        return []
    try:
        parse_frames(frames, where=f"settings.{FRAMES}")
    except InvalidInput as error:
        return list(error.problems)
    return []
