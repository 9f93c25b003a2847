"""Runs under the `bpy` module: writes libraries that use libraries, four levels deep.

show/.blender_project
show/Szene/Größe.blend → show/a/ä.blend → show/b/ß/木.blend → far away/Ω.blend → far away/été.png
The last library lies outside of the project and is linked by an absolute path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(sys.argv[-1])
SCENE = ROOT / "show/Szene/Größe.blend"
LIBRARIES = (
    (ROOT / "far away/Ω.blend", None),
    (ROOT / "show/b/ß/木.blend", False),
    (ROOT / "show/a/ä.blend", True),
)
"""From the deepest on, with whether what it links is linked by a relative path."""


def textured_object(folder: Path) -> Any:
    image = bpy.data.images.new("été", 4, 4)
    image.filepath_raw = str(folder / "été.png")
    image.file_format = "PNG"
    image.save()
    image.source = "FILE"
    image.filepath = "//été.png"
    material: Any = bpy.data.materials.new("material")
    if material.node_tree is None:
        material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    mesh = bpy.data.meshes.new("mesh")
    mesh.materials.append(material)
    return bpy.data.objects.new("deep", mesh)


def link(library: Path, kind: str, name: str, *, relative: bool) -> Any:
    libraries: Any = bpy.data.libraries  # by the stubs nothing comes from loading
    with libraries.load(str(library), link=True, relative=relative) as (_, wanted):
        setattr(wanted, kind, [name])
    return getattr(wanted, kind)[0]


def write(path: Path, inner: Path | None, *, relative: bool) -> None:
    """A library with a collection `deep` of what the library before has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    collection = bpy.data.collections.new("deep")
    if inner is None:
        collection.objects.link(textured_object(path.parent))
    else:
        collection.children.link(link(inner, "collections", "deep", relative=relative))
    scene: Any = bpy.context.scene
    scene.collection.children.link(collection)
    bpy.ops.wm.save_mainfile()


def main() -> None:
    (ROOT / "show/.blender_project").mkdir(parents=True)
    inner: Path | None = None
    for path, relative in LIBRARIES:
        write(path, inner, relative=bool(relative))
        inner = path
    write(SCENE, inner, relative=True)


main()
sys.stdout.flush()
os._exit(0)  # the bpy module may hang when it is unloaded
