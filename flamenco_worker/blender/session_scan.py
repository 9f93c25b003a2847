"""Runs inside Blender: says of an open file what a later render could inherit from an earlier one.

Three answers are possible. Nothing: then the file can stay open, and the next task sets its frame.
Something that ends with the file, such as the state of a simulation that was not baked: then the
file has to be opened again. Something that outlives the file, such as a handler that wants to
stay: then the task needs a Blender of its own. When in doubt, the stricter answer is right.

Runs on the Python of any Blender from 3.1 on, and uses the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Handlers = dict[str, list[Any]]

_FRAME_HANDLERS = re.compile(r"^(?:frame_change|depsgraph_update|render|composite|object_bake)")
_SIMULATING_MODIFIERS = {
    "CLOTH": "cloth",
    "SOFT_BODY": "a soft body",
    "DYNAMIC_PAINT": "dynamic paint",
}
_STATEFUL_WORDS = re.compile(r"\b(?:noise|random|self|bpy)\b")
_NOTHING_SINCE_START = frozenset({"__builtins__", "__doc__", "__file__", "__loader__", "__name__"})


def handlers_of(bpy: Any) -> Handlers:
    """The handlers that run with frames and renders, by what they are for."""
    handlers = bpy.app.handlers
    return {
        name: list(getattr(handlers, name))
        for name in dir(handlers)
        if _FRAME_HANDLERS.match(name) and isinstance(getattr(handlers, name), list)
    }


def reasons_for_own_blender(bpy: Any, at_start: Handlers) -> list[str]:
    """Why opening the file again would not be enough; to be asked when it has just been opened."""
    reasons = []
    for name, handlers in handlers_of(bpy).items():
        for handler in handlers:
            is_ours = _module_of(handler).split(".")[0] in ("cycles", "bl_ext_system", "io_scene")
            if handler in at_start.get(name, ()) and not is_ours:
                reasons.append(f"an add-on has the {name} handler {_name_of(handler)}")
            elif hasattr(handler, "_bpy_persistent"):
                reasons.append(f"the {name} handler {_name_of(handler)} outlives the file")
    reasons += [
        f"a driver of {owner.name} uses random numbers: {expression}"
        for owner, expression in _expressions(bpy)
        if re.search(r"\b(?:noise|random)\b", expression)
    ]
    for scene in bpy.data.scenes:
        if scene.render.use_freestyle and any(
            layer.use and layer.freestyle_settings.mode == "SCRIPT" for layer in scene.view_layers
        ):
            reasons.append(f"the scene {scene.name} draws Freestyle lines by a script")
    return sorted(set(reasons))


def reasons_to_open_again(bpy: Any) -> list[str]:
    """Why a frame that is rendered next may not look as in a file that was opened for it."""
    reasons: set[str] = set()
    if any(handlers_of(bpy).values()):
        reasons.add("it has handlers that run with frames")
    strangers = set(bpy.app.driver_namespace) - _plain_driver_names()
    if strangers:
        reasons.add(f"its drivers use functions of its own: {', '.join(sorted(strangers))}")
    if any(text.use_module for text in bpy.data.texts):
        reasons.add("it brings scripts of its own")
    reasons.update(_of_drivers(bpy))
    for scene in bpy.data.scenes:
        reasons.update(_of_scene(scene))
    for owner in bpy.data.objects:
        reasons.update(_of_object(owner))
    for tree in _node_trees(bpy):
        reasons.update(_of_nodes(tree))
    if any(image.source == "MOVIE" for image in bpy.data.images):
        reasons.add("it uses movies as images")
    if bpy.data.movieclips:
        reasons.add("it uses movie clips")
    return sorted(reasons)


def forget_images(bpy: Any) -> None:
    """Lets go of the images of sequences, which may have been written again since."""
    for image in bpy.data.images:
        if image.source in ("SEQUENCE", "TILED") and not image.is_dirty:
            image.buffers_free()


def _of_scene(scene: Any) -> Iterator[str]:
    world = scene.rigidbody_world
    if world is not None and world.enabled and not world.point_cache.is_baked:
        yield "its rigid bodies are not baked"
    if scene.render.use_persistent_data:
        yield "it keeps data of one render for the next"
    if scene.render.use_freestyle:
        yield "it draws Freestyle lines"
    editor = scene.sequence_editor
    # Called sequences before Blender 4.4.
    strips = getattr(editor, "strips", None) or getattr(editor, "sequences", None)
    if scene.render.use_sequencer and strips:
        yield "its sequencer keeps pictures"


def _of_object(owner: Any) -> Iterator[str]:
    for modifier in owner.modifiers:
        kind = modifier.type
        if kind in _SIMULATING_MODIFIERS:
            caches = [_cache_of(modifier)]
            if kind == "DYNAMIC_PAINT":
                canvas = modifier.canvas_settings
                caches = [each.point_cache for each in canvas.canvas_surfaces] if canvas else []
            if not all(cache is not None and cache.is_baked for cache in caches):
                yield f"{_SIMULATING_MODIFIERS[kind]} is not baked"
        elif kind == "FLUID":
            yield "it has a fluid"
        elif kind in ("MESH_SEQUENCE_CACHE", "OCEAN"):
            yield "it reads or keeps a cache of meshes"
    for system in owner.particle_systems:
        if system.settings.type != "HAIR" or system.use_hair_dynamics:
            cache = system.point_cache
            if not cache.is_baked:
                yield "its particles are not baked"
    if owner.pose is not None and owner.pose.ik_solver == "ITASC":
        yield "an armature is solved step by step"


def _cache_of(modifier: Any) -> Any:
    return getattr(modifier, "point_cache", None)


def _node_trees(bpy: Any) -> Iterator[Any]:
    yield from bpy.data.node_groups
    for collection in ("materials", "worlds", "lights", "scenes", "linestyles", "textures"):
        for block in getattr(bpy.data, collection):
            tree = getattr(block, "node_tree", None)
            if tree is not None:
                yield tree


def _of_nodes(tree: Any) -> Iterator[str]:
    for node in tree.nodes:
        if node.type == "SIMULATION_OUTPUT":
            yield "its geometry nodes simulate"
        elif node.type == "SCRIPT":
            yield "it has script nodes"
        image = getattr(node, "image", None)
        if image is not None and image.source == "VIEWER":
            yield "it uses its own pictures as images"


def _of_drivers(bpy: Any) -> Iterator[str]:
    for owner, expression in _expressions(bpy):
        word = _STATEFUL_WORDS.search(expression)
        if word is not None:
            yield f"a driver of {owner.name} uses {word[0]}: {expression}"
    for owner, curve in _driver_curves(bpy):
        for variable in curve.driver.variables:
            for target in variable.targets:
                if target.id == owner and target.data_path == curve.data_path:
                    yield f"a driver of {owner.name} depends on its own value"


def _expressions(bpy: Any) -> Iterator[tuple[Any, str]]:
    """Those of drivers in Python, with the data-block that each belongs to."""
    for owner, curve in _driver_curves(bpy):
        if curve.driver.type == "SCRIPTED":
            words = f"{curve.driver.expression} self" if curve.driver.use_self else ""
            yield owner, words or curve.driver.expression


def _driver_curves(bpy: Any) -> Iterator[tuple[Any, Any]]:
    for block in _animated_blocks(bpy):
        data = getattr(block, "animation_data", None)
        for curve in data.drivers if data is not None else ():
            yield block, curve


def _animated_blocks(bpy: Any) -> Iterator[Any]:
    for attribute in bpy.data.bl_rna.properties:
        if attribute.type != "COLLECTION":
            continue
        blocks: Iterable[Any] = getattr(bpy.data, attribute.identifier)
        for block in blocks:
            yield block
            for inner in ("shape_keys", "node_tree"):
                found = getattr(block, inner, None)
                if found is not None:
                    yield found


def _plain_driver_names() -> set[str]:
    """What every driver can use: Blender fills it from these."""
    import math

    names = {name for name in dir(math) if not name.startswith("_")}
    return (
        names
        | _NOTHING_SINCE_START
        | {
            "__package__",
            "__spec__",
            "bpy",
            "noise",
            "clamp",
            "lerp",
            "smoothstep",
            "__cached__",
            "frame",
            "self",
            "depsgraph",
        }
    )


def _module_of(handler: Any) -> str:
    return getattr(handler, "__module__", None) or ""


def _name_of(handler: Any) -> str:
    name = getattr(handler, "__qualname__", None) or repr(handler)
    return f"{_module_of(handler)}.{name}"
