"""RNA overrides as artists make them: from properties of Blender, and for jobs that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.farm.farm import Farm, echo_job
from tests.flamenco_addon.bpy_pythons import BLENDERS, bpy_python
from tests.flamenco_addon.in_bpy import ROOT, run_in_bpy
from tests.flamenco_addon.submission.artist import as_artist

LINES = """
overrides = part("rna_overrides")
cube = bpy.data.objects["Cube"]
cube.name = "it's \\"a\\" cube"
material = cube.active_material
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    material.use_nodes = True
shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
modifier = cube.modifiers.new("Round", "BEVEL")
owners = [
    (scene.render, "resolution_percentage", 37, 100),
    (scene.cycles, "samples", 5, 64),
    (scene.render, "engine", "CYCLES", "BLENDER_WORKBENCH"),
    (cube, "location", (1.0, 2.0, 3.0), (0, 0, 0)),
    (cube, "hide_render", True, False),
    (modifier, "width", 0.25, 1.0),
    (shader.inputs["Roughness"], "default_value", 0.125, 0.9),
    (scene.view_layers[0], "use", False, True),
    (scene, "camera", scene.camera, None),
    (scene.world, "name", "a\\nb", "c"),
]
results = []
for owner, name, wanted, other in owners:
    setattr(owner, name, wanted)
    wanted = getattr(owner, name)
    kept = tuple(wanted) if name == "location" else wanted
    line = overrides.line_for(owner, name)
    setattr(owner, name, other)
    if name != "name":
        exec(line, {"D": bpy.data, "C": bpy.context, "bpy": bpy})
        now = getattr(owner, name)
        same = (tuple(now) if name == "location" else now) == kept
    else:
        same = "a\\\\nb" in line
    results.append([line, same])
refused = []
for owner, name in (
    (bpy.context.window_manager, "flamenco_submitted_jobs"),
    (bpy.context.preferences.view, "ui_scale"),
    (scene, "objects"),
):
    try:
        refused.append(overrides.line_for(owner, name))
    except Exception as error:
        refused.append(type(error).__name__)
connect()
edited = refusal(bpy.ops.flamenco.edit_job_overrides, job_id=job_id, lines="x = 1\\ny = 2")
bad = refusal(bpy.ops.flamenco.edit_job_overrides, job_id=job_id, lines="x = = 1")
gone = refusal(bpy.ops.flamenco.edit_job_overrides, job_id="0" * 8 + job_id[8:], lines="x = 1")
answer({"results": results, "refused": refused, "edited": edited, "bad": bad, "gone": gone})
"""


@pytest.fixture(scope="module")
def job_id(farm: Farm) -> str:
    return farm.submit_job(echo_job("edited", sleeps=1, initial_status="paused"))


@pytest.fixture(scope="module")
def outcome(farm: Farm, job_id: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = as_artist(
        LINES, home=tmp_path_factory.mktemp("artist"), url=farm.url, names={"job_id": job_id}
    )
    return found


def test_a_line_made_of_a_property_gives_it_its_value_again(outcome: dict[str, Any]) -> None:
    assert [line for line, is_same in outcome["results"] if not is_same] == []
    assert len(outcome["results"]) == 10


def test_what_is_no_part_of_the_file_or_no_plain_value_is_refused(
    outcome: dict[str, Any],
) -> None:
    assert outcome["refused"] == ["InvalidInput"] * 3


def test_the_overrides_of_a_job_on_the_farm_can_be_changed(
    farm: Farm, job_id: str, outcome: dict[str, Any]
) -> None:
    assert outcome["edited"] == ""
    assert farm.get(f"/api/v3/jobs/{job_id}/rna-overrides")["rna_overrides"] == ["x = 1", "y = 2"]
    assert "line 1, column" in outcome["bad"]
    assert outcome["gone"]


def used_icons() -> set[str]:
    sources = [
        *(ROOT / "flamenco_addon").glob("*.py"),
        *(ROOT / "flamenco_addon" / "preflight").glob("*.py"),
    ]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    return set(re.findall(r'icon="([A-Z_0-9]+)"', text))


@pytest.mark.parametrize("blender", BLENDERS)
def test_every_blender_has_the_icons(tmp_path: Path, blender: str) -> None:
    script = """
        label = bpy.types.UILayout.bl_rna.functions["label"]
        answer(list(label.parameters["icon"].enum_items.keys()))
    """
    known = run_in_bpy(script, home=tmp_path, python=bpy_python(blender), enable=False)
    assert len(used_icons()) > 10
    assert used_icons() - set(known) == set()
