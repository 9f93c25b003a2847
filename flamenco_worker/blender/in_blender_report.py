"""Runs inside Blender, right before a render: says what will be written where.

The worker puts `--python-expr` with a call of this file before each render argument (see
`render_arguments.py`). It prints one line, `REPORT_PREFIX` and JSON, and points the scene's output
at the attempt's own folder unless something in the scene writes to places that we do not know.

Runs on the Python of any Blender from 3.1 on (3.10), from its bare file, with `REQUEST` as a
global: `{"render": number, "frames": "1..3" | None, "folder": name | None, "owner": text}`.
`render` says which render argument of the command line it is; `frames` is None for a whole
animation; without `folder` nothing is created and nothing is redirected. `devices`, pairs as
`in_blender_devices.py` takes them, says what to render on; if it is not there and not
`may_fall_back`, the report is a `failure`. A second way to call it,
with `REQUEST = {"restore": True}`, undoes the redirection after the render.
"""

from __future__ import annotations

import ast
import json
import runpy
import sys
from pathlib import Path
from typing import Any

REPORT_PREFIX = "flamenco-render-report: "
PROBE_NAME = "attempt-began"
_FORMATS_WITH_PREVIEW = ("OPEN_EXR", "OPEN_EXR_MULTILAYER")
_WRITING_HANDLERS = ("render_pre", "render_post", "render_write", "render_complete")

_read: dict[str, dict[str, Any]] = {}
_CALL = f"import runpy; runpy.run_path({__file__!r}, init_globals={{'REQUEST': "
_CALL_END = "})"

bpy: Any
"""Imported at the end, so that the worker can read this module's constants without Blender."""


def expression_for(request: dict[str, Any]) -> str:
    """The Python that runs this file with a request."""
    return f"{_CALL}{request!r}{_CALL_END}"


def request_of(expression: str) -> dict[str, Any] | None:
    """The request in such a piece of Python; None if it is another one."""
    if not (expression.startswith(_CALL) and expression.endswith(_CALL_END)):
        return None
    request: dict[str, Any] = ast.literal_eval(expression[len(_CALL) : -len(_CALL_END)])
    return request


def describe_render(scene: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The report, as JSON-ready data."""
    devices = _beside("in_blender_devices.py", BPY=bpy)
    preferences = devices["cycles_preferences"]()
    missing_device = ""
    if request.get("devices"):
        missing_device = devices["use_devices"](scene, preferences, request["devices"])
        if missing_device and not request.get("may_fall_back"):
            return {"failure": missing_device}
    render = scene.render
    reasons = _reasons_to_render_in_place(scene)
    frames = _frames(scene, request["frames"])
    is_movie = render.is_movie_format
    final = {} if is_movie else {frame: _outputs(scene, frame) for frame in frames}
    folder = None
    if request["folder"] and final:
        folder = _make_folder(next(iter(final.values()))[0]["path"], request)
    if folder is not None and not reasons:
        _redirect(scene, folder)
    rendered = {} if is_movie else {frame: _outputs(scene, frame) for frame in frames}
    width, height = _size(render)
    return {
        "render": request["render"],
        "scene": scene.name,
        "format": render.image_settings.file_format,
        "frames": frames,
        "outputs": [
            {**output, "frame": frame, "rendered": rendered[frame][position]["path"]}
            for frame in final
            for position, output in enumerate(final[frame])
        ],
        "folder": str(folder) if folder else None,
        "in_place": reasons,
        "is_movie": is_movie,
        "overwrite": render.use_overwrite,
        "width": width,
        "height": height,
        "cropped": render.use_border and render.use_crop_to_border,
        "missing": _missing_files(scene),
        "samples": _samples(scene),
        "device": devices["device_in_use"](scene, preferences),
        "missing_device": missing_device,
    }


def _frames(scene: Any, text: str | None) -> list[int]:
    if text is None:
        return list(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))
    # A list that Blender cannot read renders nothing; Blender says so by itself.
    resolve_frames = _beside("frame_arguments.py")["resolve_frames"]
    try:
        frames = resolve_frames(text, scene.frame_start, scene.frame_end)
    except ValueError:
        return []
    return list(dict.fromkeys(frames))


def _beside(name: str, **given: Any) -> dict[str, Any]:
    """What a module beside this one defines; read once, since Blender may stay for many frames."""
    found = _read.get(name)
    if found is None:
        found = _read[name] = runpy.run_path(str(Path(__file__).with_name(name)), given)
    return found


def _outputs(scene: Any, frame: int) -> list[dict[str, Any]]:
    """The files of one frame: path and format. Several with views or with a preview beside EXR."""
    render = scene.render
    settings = render.image_settings
    views = [""]
    if render.use_multiview and settings.views_format == "INDIVIDUAL":
        views = [view.name for view in render.views if view.use]
    outputs = []
    for view in views:
        path = _path(render, frame=frame, view=view)
        outputs.append({"path": path, "format": settings.file_format})
        if settings.use_preview and settings.file_format in _FORMATS_WITH_PREVIEW:
            stem = path[:-4] if path.lower().endswith(".exr") else path
            outputs.append({"path": f"{stem}.jpg", "format": "JPEG"})
    return outputs


def _path(render: Any, **which: Any) -> str:
    return str(Path(bpy.path.abspath(render.frame_path(**which))).absolute())


def _reasons_to_render_in_place(scene: Any) -> list[str]:
    reasons = []
    if scene.render.use_multiview:
        reasons.append("it renders several views")
    if scene.render.use_compositing and _has_file_output(_compositor(scene), set()):
        reasons.append("its compositor has a File Output node")
    reasons.extend(
        f"it has a {name} handler" for name in _WRITING_HANDLERS if getattr(bpy.app.handlers, name)
    )
    if scene.render.is_movie_format:
        reasons.append("its output is a movie")
    return reasons


def _samples(scene: Any) -> int | None:
    """How many samples each pixel gets; None for engines that go by something else."""
    if scene.render.engine == "CYCLES":
        return int(scene.cycles.samples)
    if scene.render.engine.startswith("BLENDER_EEVEE"):
        return int(scene.eevee.taa_render_samples)
    return None


def _compositor(scene: Any) -> Any:
    if hasattr(scene, "compositing_node_group"):  # from Blender 5 on
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def _has_file_output(tree: Any, seen: set[str]) -> bool:
    if tree is None or tree.name in seen:
        return False
    seen.add(tree.name)
    return any(
        not node.mute
        and (
            node.type == "OUTPUT_FILE"
            or (node.type == "GROUP" and _has_file_output(node.node_tree, seen))
        )
        for node in tree.nodes
    )


def _missing_files(scene: Any) -> list[str]:
    """Linked files and images that the scene uses, directly or not, and that do not exist.

    Blender renders without them, in pink, and says nothing about images before version 5.
    """
    missing: dict[str, list[Any]] = {}
    for library in bpy.data.libraries:
        path = _absolute(library.filepath, None)
        is_gone = not library.packed_file and not Path(path).exists()
        # Blender 5 can pack linked data without its library; older ones do not know what misses.
        blocks = [block for block in library.users_id if getattr(block, "is_missing", is_gone)]
        if is_gone and blocks:
            missing[path] = blocks
    for image in bpy.data.images:
        if image.source in ("FILE", "MOVIE") and image.filepath and not image.packed_file:
            path = _absolute(image.filepath, image.library)
            if not Path(path).exists():
                missing.setdefault(path, []).append(image)
    if not missing:
        return []
    users = bpy.data.user_map()
    return sorted(path for path in missing if _is_used_by(scene, missing[path], users))


def _absolute(path: str, library: Any) -> str:
    return str(Path(bpy.path.abspath(path, library=library)).absolute())


def _is_used_by(scene: Any, blocks: list[Any], users: dict[Any, set[Any]]) -> bool:
    """Whether the scene reaches one of the data-blocks: follows users upwards."""
    seen = set(blocks)
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        if block == scene:
            return True
        new = users.get(block, set()) - seen
        seen |= new
        waiting.extend(new)
    return False


def _size(render: Any) -> tuple[int | None, int | None]:
    """Width and height of the files in pixels; None where they depend on how views are packed."""
    if render.use_multiview and render.image_settings.views_format == "STEREO_3D":
        return None, None
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    if render.use_border and render.use_crop_to_border:
        left, right = int(render.border_min_x * width), int(render.border_max_x * width)
        bottom, top = int(render.border_min_y * height), int(render.border_max_y * height)
        return right - left, top - bottom
    return width, height


def _make_folder(first_path: str, request: dict[str, Any]) -> Path:
    """The attempt's folder, beside the frames, with the probe file that dates its beginning."""
    folder: Path = Path(first_path).parent / request["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROBE_NAME).write_text(request["owner"], encoding="utf-8")
    return folder


def _redirect(scene: Any, folder: Path) -> None:
    original = scene.render.filepath
    name = original.replace("\\", "/").rpartition("/")[2]
    scene.render.filepath = f"{folder.as_posix()}/{name}"
    _redirections()[scene.name] = (original, scene.render.filepath)


def _restore() -> None:
    """Gives each scene its own output path back, unless a script has changed it since."""
    for name, (original, redirected) in _redirections().items():
        scene = bpy.data.scenes.get(name)
        if scene is not None and scene.render.filepath == redirected:
            scene.render.filepath = original
    _redirections().clear()


def _redirections() -> dict[str, tuple[str, str]]:
    """Kept in Blender's Python between two runs of this file."""
    found: dict[str, tuple[str, str]] = sys.__dict__.setdefault("_flamenco_redirections", {})
    return found


def _main(request: dict[str, Any]) -> None:
    if request.get("restore"):
        _restore()
        return
    try:
        report = describe_render(bpy.context.scene, request)
    except OSError as error:
        report = {"failure": f"Frames cannot be written to {error.filename}: {error.strerror}"}
    # A line of its own, even if something has left one unfinished.
    print("\n" + REPORT_PREFIX + json.dumps(report), flush=True)


def carry_out(request: dict[str, Any]) -> None:
    """For a Blender that has loaded this module already."""
    global bpy  # noqa: PLW0603 - see there
    import bpy

    _main(request)


if "REQUEST" in globals():
    import bpy

    _main(globals()["REQUEST"])
