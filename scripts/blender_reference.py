"""Writes docs/blender-reference.md from what the extension registers in Blender.

python3 scripts/blender_reference.py      needs `bpy` in this Python
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "blender-reference.md"
MODULE = "flamenco_addon"
_HOLDERS = ("Scene", "WindowManager")
_INTRODUCTION = """\
# The Blender extension: every operator and property

Made by `scripts/blender_reference.py` from what the extension registers; what they are for stands
in [blender.md](blender.md). Operators can be called from Python as they stand here. Without a
window (`blender --background`, the `bpy` module) they wait until the farm has answered, and raise
`RuntimeError` with the reason if something is not possible.
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flamenco-reference-") as folder:
        os.environ["BLENDER_USER_RESOURCES"] = folder  # nobody's own preferences
        import bpy  # isort: skip - brings the next one
        import addon_utils

        sys.path.insert(0, str(ROOT))
        _write(bpy, addon_utils)
    sys.stdout.flush()
    os._exit(0)  # `bpy` may hang at its end


def _write(bpy: Any, addon_utils: Any) -> None:
    if not addon_utils.enable(MODULE):
        raise SystemExit("The extension could not be enabled.")
    REFERENCE.write_text(reference(bpy), encoding="utf-8")
    print(REFERENCE.relative_to(ROOT))
    addon_utils.disable(MODULE)


def reference(bpy: Any) -> str:
    """The page, in an extension that is enabled."""
    lines = [_INTRODUCTION]
    lines += ["## Operators", ""]
    for operator in operators(bpy):
        lines += [*_operator(operator), ""]
    lines += ["## Properties", ""]
    for holder in _HOLDERS:
        for found in own_properties(bpy, holder):
            lines += [*_property(found, f"{holder}.{found.identifier}"), ""]
    for group in groups(bpy):
        lines += [f"### {group.bl_rna.identifier}", "", _sentence(group.__doc__), ""]
        lines += [*_table(_own(group.bl_rna)), ""]
    return "\n".join(lines).rstrip() + "\n"


def operators(bpy: Any) -> list[Any]:
    """What `bpy.ops.flamenco` has."""
    return [getattr(bpy.ops.flamenco, name) for name in sorted(dir(bpy.ops.flamenco))]


def own_properties(bpy: Any, holder: str) -> list[Any]:
    properties = getattr(bpy.types, holder).bl_rna.properties
    return [each for each in properties if each.identifier.startswith("flamenco")]


def groups(bpy: Any) -> list[Any]:
    """The property groups and the preferences that the extension registers."""
    kinds = (bpy.types.PropertyGroup, bpy.types.AddonPreferences)
    found = [
        each
        for kind in kinds
        for each in kind.__subclasses__()
        if each.__module__.startswith(f"{MODULE}.") and each.is_registered
    ]
    return sorted(found, key=lambda each: str(each.bl_rna.identifier))


def _own(rna: Any) -> list[Any]:
    hidden = {"rna_type", "bl_idname", "name"}
    return [each for each in rna.properties if each.identifier not in hidden]


def _operator(operator: Any) -> Iterator[str]:
    rna = operator.get_rna_type()
    yield f"### `bpy.ops.{operator.idname_py()}`"
    yield ""
    yield f"**{rna.name}.** {_sentence(rna.description)}"
    properties = _own(rna)
    if properties:
        yield ""
        yield from _table(properties)


def _property(found: Any, path: str) -> Iterator[str]:
    yield f"### `{path}`"
    yield ""
    yield f"**{found.name}.** {_sentence(found.description)}"


def _table(properties: list[Any]) -> Iterator[str]:
    if not properties:
        return
    yield "| property | what | type |"
    yield "| --- | --- | --- |"
    for each in properties:
        text = _sentence(each.description).replace("|", "\\|").replace("\n", " ")
        yield f"| `{each.identifier}` | {text} | {_type(each)} |"


def _type(found: Any) -> str:
    if found.type == "ENUM":
        items = [item.identifier for item in found.enum_items_static]
        return ", ".join(f"`{item}`" for item in items) if items else "a choice"
    if found.type in ("INT", "FLOAT"):
        kind = "whole number" if found.type == "INT" else "number"
        low, high = found.hard_min, found.hard_max
        return f"{kind}, {low:g} to {high:g}" if high < 2**31 - 1 else kind
    names = {"STRING": "text", "BOOLEAN": "yes or no", "COLLECTION": "list", "POINTER": "group"}
    return names.get(found.type, str(found.type).lower())


def _sentence(text: str | None) -> str:
    text = (text or "").strip().partition("\n\n")[0].replace("\n", " ")
    text = " ".join(text.split())
    return text if not text or text.endswith((".", "!", "?", "…", ":")) else f"{text}."


if __name__ == "__main__":
    main()
