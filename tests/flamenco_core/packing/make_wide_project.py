"""Runs under the `bpy` module: writes a scene that uses outside files in as many ways as can be.

show/.blender_project, show/shots/wide.blend, show/bakes/…
far/…      everything that the scene uses, by absolute paths
"""

from __future__ import annotations

import os
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(sys.argv[-1])
FAR = ROOT / "far"


def image_file(name: str) -> str:
    path = FAR / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("made", 4, 4)
    image.filepath_raw = str(path)
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)
    return str(path)


def loaded(name: str) -> Any:
    return bpy.data.images.load(image_file(name))


def numbered(name: str, count: int) -> str:
    """`count` files, of which the first is returned; `name` has a place for the number."""
    first, *_ = [image_file(name.format(number)) for number in range(1, count + 1)]
    return first


def add_strips(scene: Any) -> None:
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    images = strips.new_image("images", numbered("strips/{:04}.png", 3), 1, 1)
    for number in (2, 3):
        images.elements.append(f"{number:04}.png")
    with wave.open(str(FAR / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    strips.new_sound("sound", str(FAR / "sound.wav"), 2, 1)
    meta = strips.new_meta("meta", 3, 1)
    inner = meta.strips if hasattr(meta, "strips") else meta.sequences
    inner.new_image("inner", image_file("inner strip.png"), 1, 1)


def add_node_trees(scene: Any) -> None:
    world = scene.world = bpy.data.worlds.new("world")
    light = bpy.data.lights.new("light", "POINT")
    owner: Any
    for owner, kind, name in (
        (world, "ShaderNodeTexEnvironment", "world.png"),
        (light, "ShaderNodeTexImage", "light.png"),
    ):
        owner.use_nodes = True
        owner.node_tree.nodes.new(kind).image = loaded(name)
    scene.collection.objects.link(bpy.data.objects.new("light", light))
    compositing_tree(scene).nodes.new("CompositorNodeImage").image = loaded("compositor.png")


def compositing_tree(scene: Any) -> Any:
    if hasattr(scene, "compositing_node_group"):  # Blender 5
        tree = bpy.data.node_groups.new("compositing", "CompositorNodeTree")
        scene.compositing_node_group = tree
        return tree
    scene.use_nodes = True
    return scene.node_tree


def add_object(scene: Any) -> None:
    sequence = bpy.data.images.load(numbered("sequence{:03}.png", 3))
    sequence.source = "SEQUENCE"
    material: Any = bpy.data.materials.new("material")
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = sequence
    mesh = bpy.data.meshes.new("mesh")
    mesh.materials.append(material)
    made: Any = bpy.data.objects.new("object", mesh)
    scene.collection.objects.link(made)

    group: Any = bpy.data.node_groups.new("geometry", "GeometryNodeTree")
    group.nodes.new("GeometryNodeImageTexture").inputs["Image"].default_value = loaded("nodes.png")
    group.nodes.new("GeometryNodeBake")
    nodes = made.modifiers.new("nodes", "NODES")
    nodes.node_group = group
    bakes = ROOT / "show/bakes"
    (bakes / "1").mkdir(parents=True)
    (bakes / "1/meta.json").write_text("{}")
    nodes.bake_target, nodes.bake_directory = "DISK", str(bakes)

    (FAR / "cache.mdd").write_bytes(bytes(20))
    made.modifiers.new("cache", "MESH_CACHE").filepath = str(FAR / "cache.mdd")
    packed = loaded("packed.png")
    packed.pack()
    (FAR / "packed.png").unlink()
    for image in (loaded("displace.png"), packed, bpy.data.images.new("generated", 4, 4)):
        texture: Any = bpy.data.textures.new("texture", "IMAGE")
        texture.image = image
        made.modifiers.new("displace", "DISPLACE").texture = texture
    made.modifiers.new("cloth", "CLOTH").point_cache.use_disk_cache = True


def add_volume(scene: Any) -> None:
    volume = bpy.data.volumes.new("volume")
    volume.filepath = str(FAR / "smoke_001.vdb")
    for number in (1, 2):
        (FAR / f"smoke_{number:03}.vdb").write_bytes(b"")
    volume.is_sequence = True
    scene.collection.objects.link(bpy.data.objects.new("volume", volume))


def main() -> None:
    (ROOT / "show/shots").mkdir(parents=True)
    (ROOT / "show/.blender_project").mkdir()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    steps: tuple[Callable[[Any], None], ...] = (add_strips, add_node_trees, add_object, add_volume)
    FAR.mkdir()
    path = str(ROOT / "show/shots/wide.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)  # a file without a name can have no disk cache
    for step in steps:
        step(scene)
    bpy.ops.wm.save_mainfile()


main()
sys.stdout.flush()
os._exit(0)  # the bpy module may hang when it is unloaded
