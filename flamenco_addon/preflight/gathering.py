"""Reading from Blender what the checks need to know. Nothing here asks a disk or the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from flamenco_core.paths import this_platform

from .. import connection
from ..blender_types import is_linked
from ..language import tr
from ..local_farm import operators as local_farm
from ..monitor.manager_sentences import said
from ..own_properties import of_scene
from .facts import (
    AddonNeed,
    CacheFacts,
    FarmFacts,
    FileFacts,
    OutputPath,
    SceneFacts,
    SessionFacts,
    ViewLayerFacts,
)
from .scene_checks import BUILT_IN_ENGINES

_EEVEE_AND_FRIENDS = frozenset({"bpy.types", "bpy_types"})
"""Modules of node classes that come with Blender."""


def gather_session() -> SessionFacts:
    return SessionFacts(
        filepath=bpy.data.filepath,
        is_dirty=bpy.data.is_dirty,
        blender_version=bpy.app.version[:2],
        platform=this_platform(),
    )


def gather_farm() -> FarmFacts:
    now = connection.current()
    farm = now.farm
    if farm is None:
        return FarmFacts(is_connected=False, sentence=said(now.condition.sentence))
    return FarmFacts(
        is_connected=now.is_connected,
        sentence=f"{said(now.condition.sentence)} {said(now.condition.advice)}".strip(),
        variables=farm.variables,
        storage=farm.storage.location,
        is_this_computer=local_farm.is_used(now.url),
        blender_versions=farm.blender_versions or None,
        devices=farm.devices or None,
        knows_overrides=farm.version.farm_id is not None,
    )


def tag_is_known(scene: bpy.types.Scene) -> bool:
    """Whether the farm has the worker tag that a scene asks for, as far as is known."""
    farm, tag_id = connection.current().farm, of_scene(scene).flamenco_worker_tag_id
    return farm is None or not tag_id or any(tag.id == tag_id for tag in farm.tags)


def gather_scene(scene: bpy.types.Scene, *, camera: str = "", thorough: bool = True) -> SceneFacts:
    """`camera` is one that renders in place of the scene's. Without `thorough` node trees are not
    looked into, which in large files takes too long for drawing.
    """
    render = scene.render
    engine = str(render.engine)  # by the stubs there is but one
    cycles = getattr(scene, "cycles", None)  # is an add-on, which may be disabled
    is_edit = render.use_sequencer and bool(_strips(scene))
    return SceneFacts(
        name=scene.name,
        camera=camera or (scene.camera.name if scene.camera else ""),
        cameras=tuple(_cameras(scene)) if not (camera or scene.camera) else (),
        is_edit=is_edit,
        frame_start=scene.frame_start,
        frame_end=scene.frame_end,
        file_format=render.image_settings.file_format,
        is_movie_format=render.is_movie_format,
        view_layers=tuple(ViewLayerFacts(layer.name, layer.use) for layer in scene.view_layers),
        engine=engine,
        wants_gpu=engine == "CYCLES" and getattr(cycles, "device", "") == "GPU",
        output_paths=tuple(_output_paths(scene)) if thorough else (),
        needs=tuple(_needs(scene)) if thorough else (),
    )


def gather_files() -> Iterator[FileFacts]:
    """All files outside the .blend file that it refers to.

    Whoever has no time for all of them may go on later: what is removed meanwhile is left out.
    """
    data = bpy.data
    # In lists of their own, since Blender's would have to stay as they are until the end.
    for library in tuple(data.libraries):
        with suppress(ReferenceError):
            yield FileFacts(
                tr("Library"), library.name, _absolute(library.filepath, library.parent)
            )
    kinds: tuple[tuple[str, Iterable[Any]], ...] = (
        (tr("Image"), data.images),
        (tr("Font"), data.fonts),
        (tr("Sound"), data.sounds),
        (tr("Movie clip"), data.movieclips),
        (tr("Cache file"), data.cache_files),
        (tr("Volume"), data.volumes),
    )
    for kind, blocks in kinds:
        for block in tuple(blocks):
            with suppress(ReferenceError):
                if block.users and _is_in_a_file(block):
                    path = _absolute(block.filepath, block.library)
                    yield FileFacts(kind, block.name, path, _is_sequence(block))
    for scene in tuple(data.scenes):
        with suppress(ReferenceError):
            # Strips of a scene are no data blocks: Blender does not tell when they are gone.
            yield from tuple(_strip_files(scene))


_FILE_SOURCES = frozenset({"FILE", "SEQUENCE", "MOVIE", "TILED"})


def _is_in_a_file(block: Any) -> bool:
    """Whether it has a file, which is not packed into the .blend file."""
    if block.filepath in ("", "<builtin>") or getattr(block, "packed_file", None) is not None:
        return False
    return not getattr(block, "packed_files", ()) and (
        getattr(block, "source", "FILE") in _FILE_SOURCES
    )


def _is_sequence(block: Any) -> bool:
    return getattr(block, "source", "") == "SEQUENCE" or bool(getattr(block, "is_sequence", False))


def gather_caches(scene: bpy.types.Scene) -> Iterator[CacheFacts]:
    """The simulations in a scene."""
    world = scene.rigidbody_world
    if world is not None and world.enabled and world.collection and world.collection.objects:
        owner = tr("The rigid body world of “{scene}”").format(scene=scene.name)
        yield _point_cache(owner, world.point_cache)
    for obj in scene.objects:
        if obj.hide_render or is_linked(obj):
            continue
        for modifier in obj.modifiers:
            if modifier.show_render:
                yield from _modifier_cache(obj, modifier)
        for system in obj.particle_systems:
            is_still = system.settings.type == "HAIR" and not system.use_hair_dynamics
            if not is_still:
                owner = tr("Particle system “{name}” of “{object}”")
                owner = owner.format(name=system.name, object=obj.name)
                yield _point_cache(owner, system.point_cache)


def _modifier_cache(obj: Any, modifier: Any) -> Iterator[CacheFacts]:
    kind = tr(modifier.bl_rna.name.removesuffix(" Modifier"))  # one of Blender's own texts
    owner = tr("{kind} of “{object}”").format(kind=kind, object=obj.name)
    match modifier.type:
        case "CLOTH" | "SOFT_BODY":
            yield _point_cache(owner, modifier.point_cache)
        case "FLUID" if modifier.fluid_type == "DOMAIN" and modifier.domain_settings:
            yield _fluid(owner, modifier.domain_settings)
        case "DYNAMIC_PAINT" if modifier.canvas_settings:
            for surface in modifier.canvas_settings.canvas_surfaces:
                if surface.is_active and surface.surface_format != "IMAGE":
                    yield _point_cache(owner, surface.point_cache)
        case "NODES" if any(_is_simulation(bake) for bake in modifier.bakes):
            # Bakes are packed into the file or lie in folders, and only Blender's own panel knows.
            yield CacheFacts(tr("The simulation in {owner}").format(owner=owner), None)


def _is_simulation(bake: Any) -> bool:
    """Other bakes only save time: without them the result is the same."""
    return bake.node is not None and bake.node.bl_idname == "GeometryNodeSimulationOutput"


def _point_cache(owner: str, cache: Any) -> CacheFacts:
    folder = ""
    if cache.use_external and cache.filepath:
        folder = str(_absolute(cache.filepath, None))
    is_baked = cache.is_baked or cache.use_external
    return CacheFacts(owner, is_baked, folder, cache.frame_start, cache.frame_end)


def _fluid(owner: str, domain: Any) -> CacheFacts:
    folder = str(_absolute(domain.cache_directory, None))
    # A replayed simulation is kept on disk, too, but nobody knows whether it is whole.
    is_baked = domain.has_cache_baked_data
    start, end = domain.cache_frame_start, domain.cache_frame_end
    return CacheFacts(owner, is_baked, folder if is_baked else "", start, end)


def _cameras(scene: bpy.types.Scene) -> Iterator[str]:
    yield from (obj.name for obj in scene.objects if obj.type == "CAMERA")


def _strips(scene: bpy.types.Scene) -> list[Any]:
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def _strip_files(scene: bpy.types.Scene) -> Iterator[FileFacts]:
    for strip in _strips(scene):
        if strip.mute:
            continue
        if strip.type == "IMAGE" and strip.elements:
            folder = _absolute(strip.directory, scene.library)
            yield FileFacts(tr("Image strip"), strip.name, folder / strip.elements[0].filename)
        elif strip.type == "MOVIE":
            yield FileFacts(tr("Movie strip"), strip.name, _absolute(strip.filepath, scene.library))


def _absolute(path: str, library: Any) -> Path:
    return Path(bpy.path.abspath(path, library=library))


def _output_paths(scene: bpy.types.Scene) -> Iterator[OutputPath]:
    tree = getattr(scene, "compositing_node_group", None)
    if tree is None and bpy.app.version < (5, 0, 0) and scene.use_nodes:
        tree = scene.node_tree
    if tree is None or not scene.render.use_compositing:
        return
    for node in tree.nodes:
        if node.bl_idname == "CompositorNodeOutputFile" and not node.mute:
            path = node.directory if hasattr(node, "directory") else node.base_path
            owner = tr("The File Output node “{name}”").format(name=node.label or node.name)
            yield OutputPath(owner, path)


def _needs(scene: bpy.types.Scene) -> Iterator[AddonNeed]:
    engine = scene.render.engine
    if engine not in BUILT_IN_ENGINES:
        what = tr("The render engine {name}").format(name=engine.title())
        yield AddonNeed(_engine_addon(engine), what)
    yield from _node_needs()


def _engine_addon(engine: str) -> str:
    for cls in bpy.types.RenderEngine.__subclasses__():
        if getattr(cls, "bl_idname", "") == engine:
            return _addon_of(cls.__module__)
    return ""


def _node_needs() -> Iterator[AddonNeed]:
    """Nodes that are not Blender's own, once for each kind."""
    seen: set[str] = set()
    owners = [*bpy.data.materials, *bpy.data.worlds, *bpy.data.lights]
    trees = [owner.node_tree for owner in owners if owner.node_tree and owner.users]
    trees += [group for group in bpy.data.node_groups if group.users]
    for tree in trees:
        for node in tree.nodes:
            module = type(node).__module__
            is_unknown = node.bl_idname == "NodeUndefined"
            if (module in _EEVEE_AND_FRIENDS and not is_unknown) or node.bl_idname in seen:
                continue
            seen.add(node.bl_idname)
            what = tr("The node “{name}” in “{tree}”")
            what = what.format(name=node.label or node.name, tree=tree.name)
            yield AddonNeed("" if is_unknown else _addon_of(module), what)


def _addon_of(module: str) -> str:
    """`bl_ext.user_default.lux.engine` → lux, `lux.engine` → lux."""
    parts = module.split(".")
    return parts[2] if parts[0] == "bl_ext" and len(parts) > 2 else parts[0]
