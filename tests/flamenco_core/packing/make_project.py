"""Runs inside Blender (or under the `bpy` module): writes a small project to the folder given last.

    show/.blender_project           marks the root
    show/shots/scene.blend          uses everything below
    show/library/props.blend        linked; its material uses show/library/textures/linked.png
    show/textures/absolute.png      used by an absolute path
    show/textures/tile.<UDIM>.png   tiles 1001 and 1002
    elsewhere/outside.png           used by the scene, not in the project

With the argument `compressed` the blend files are compressed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bpy

COMPRESSED = "compressed" in sys.argv


def save_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new(path.name, 4, 4)
    image.filepath_raw = str(path)
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)


def material(name: str, *images: Any) -> Any:
    made: Any = bpy.data.materials.new(name)
    made.use_nodes = True
    for image in images:
        made.node_tree.nodes.new("ShaderNodeTexImage").image = image
    return made


def object_with(name: str, surface: Any) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.materials.append(surface)
    return bpy.data.objects.new(name, mesh)


def write_library(show: Path) -> None:
    texture = show / "library/textures/linked.png"
    save_image(texture)
    image = bpy.data.images.load(str(texture))
    image.filepath = "//textures/linked.png"
    prop = object_with("prop", material("linked material", image))
    path = str(show / "library/props.blend")
    bpy.data.libraries.write(path, {prop}, compress=COMPRESSED)


def write_scene(show: Path, elsewhere: Path) -> None:
    for path in (
        elsewhere / "outside.png",
        show / "textures/absolute.png",
        show / "textures/tile.1001.png",
        show / "textures/tile.1002.png",
    ):
        save_image(path)
    blend = show / "shots/scene.blend"
    blend.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    libraries: Any = bpy.data.libraries  # by the stubs nothing comes from loading
    library = str(show / "library/props.blend")
    with libraries.load(library, link=True, relative=True) as (_available, wanted):
        wanted.objects = ["prop"]
    tiles = bpy.data.images.load(str(show / "textures/tile.1001.png"))
    tiles.source = "TILED"
    tiles.filepath = "//../textures/tile.<UDIM>.png"
    surface = material(
        "own material",
        bpy.data.images.load(str(elsewhere / "outside.png")),
        bpy.data.images.load(str(show / "textures/absolute.png")),
        tiles,
    )
    scene: Any = bpy.context.scene
    scene.collection.objects.link(wanted.objects[0])
    scene.collection.objects.link(object_with("own", surface))
    set_up_rendering(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), compress=COMPRESSED)


def set_up_rendering(scene: Any) -> None:
    scene.name = "Shot 10 – Größe"
    scene.frame_start, scene.frame_end = 3, 7
    scene.render.fps, scene.render.fps_base = 30, 1.001
    scene.render.resolution_x, scene.render.resolution_y = 200, 100
    scene.render.resolution_percentage = 50
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.use_preview = True
    other = bpy.data.scenes.new("Other")
    other.frame_start, other.frame_end = 100, 101
    other.render.image_settings.file_format = "JPEG"


def main() -> None:
    root = Path(sys.argv[-1])
    show = root / "show"
    show.mkdir(parents=True)
    (show / ".blender_project").mkdir()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    write_library(show)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    write_scene(show, root / "elsewhere")


main()
sys.stdout.flush()
os._exit(0)  # the bpy module may hang when it is unloaded
