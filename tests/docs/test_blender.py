"""The manual for artists tells of what the extension has."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tests.flamenco_addon.in_bpy import run_in_bpy

DOCS = Path(__file__).resolve().parents[2] / "docs"
MANUAL = (DOCS / "blender.md").read_text(encoding="utf-8")
FLOWING = " ".join(MANUAL.split()).lower()
REFERENCE = (DOCS / "blender-reference.md").read_text(encoding="utf-8")

REGISTERED = """
    import sys
    sys.path.insert(0, scripts)
    import blender_reference as reference
    answer({
        "operators": {
            operator.idname_py(): [
                each.identifier for each in reference._own(operator.get_rna_type())
            ]
            for operator in reference.operators(bpy)
        },
        "properties": [
            f"{holder}.{each.identifier}"
            for holder in reference._HOLDERS
            for each in reference.own_properties(bpy, holder)
        ],
        "groups": {
            group.bl_rna.identifier: [each.identifier for each in reference._own(group.bl_rna)]
            for group in reference.groups(bpy)
        },
        "untold": [
            f"{operator.idname_py()}.{each.identifier}"
            for operator in reference.operators(bpy)
            for each in reference._own(operator.get_rna_type())
            if not each.description
        ],
    })
"""


def section(heading: str) -> str:
    """The text below a heading of the reference, up to the next one."""
    _, found, rest = REFERENCE.partition(f"### {heading}\n")
    assert found, f"{heading} is not documented; run scripts/blender_reference.py"
    return rest.partition("\n##")[0]


def test_every_operator_and_property_is_documented(tmp_path: Path) -> None:
    scripts = str(DOCS.parent / "scripts")
    found = run_in_bpy(REGISTERED, home=tmp_path, names={"scripts": scripts})
    assert len(found["operators"]) > 30
    for operator, properties in found["operators"].items():
        text = section(f"`bpy.ops.{operator}`")
        assert [name for name in properties if f"| `{name}` |" not in text] == [], operator
    for name in found["properties"]:
        section(f"`{name}`")
    for group, properties in found["groups"].items():
        text = section(group)
        assert [name for name in properties if f"| `{name}` |" not in text] == [], group
    assert found["untold"] == []


def test_pictures_are_there_and_are_what_they_seem(tmp_path: Path) -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", MANUAL)
    assert len(pictures) >= 6
    for name in pictures:
        with Image.open(DOCS / name) as picture:
            assert picture.width > 200
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 20
    shown = {Path(name).name for name in pictures}
    assert shown == {each.name for each in (DOCS / "pictures" / "blender").iterdir()}


def test_what_the_manual_calls_by_name_is_called_so() -> None:
    for name in (
        "Render on This Computer",
        "Several Jobs at Once",
        "Why Is It Not Rendering?",
        "Queue Failed Tasks Again",
        "Render Frames Again",
        "Try Again Now",
        "Show Log",
        "Dry Run",
    ):
        assert name.lower() in FLOWING, name
    labels = REFERENCE.lower()
    for name in ("Render Frames Again", "Try Again Now", "Show Log", "Dry Run", "Log In"):
        assert f"**{name.lower()}" in labels, name
