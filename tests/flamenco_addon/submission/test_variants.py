"""Which jobs one press of Submit makes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flamenco_addon.variants import SceneChoice, Variant, marker_range, span, variants
from flamenco_core.errors import InvalidInput
from flamenco_core.rna_overrides import checked_overrides


def names(*choices: SceneChoice) -> list[str]:
    return [variant.job_name("shot") for variant in variants(choices)]


def test_one_scene_is_one_job_with_its_own_name() -> None:
    assert names(SceneChoice("Scene")) == ["shot"]
    assert variants([SceneChoice("Scene")])[0].overrides() == []


def test_scenes_cameras_and_view_layers_multiply_and_have_names_of_their_own() -> None:
    made = names(
        SceneChoice("A", cameras=("front", "back")),
        SceneChoice("B", view_layers=("beauty", "masks")),
    )
    assert made == ["shot - A - front", "shot - A - back", "shot - B - beauty", "shot - B - masks"]
    assert len(names(SceneChoice("A", ("x", "y"), ("1", "2", "3")))) == 6


def test_frames_belong_to_their_scene() -> None:
    made = variants([SceneChoice("A", frames="1-5"), SceneChoice("B", ("x", "y"), frames="7")])
    assert [variant.frames for variant in made] == ["1-5", "7", "7"]


@pytest.mark.parametrize(
    "name", ["Camera", "it's", 'a "b"', "back\\slash", "Größe", "x]; import os"]
)
def test_overrides_are_valid_python_and_no_name_breaks_out_of_them(name: str) -> None:
    lines = Variant(name, camera=name, view_layer=name).overrides()
    assert checked_overrides(lines) == lines

    scene = SimpleNamespace(
        objects={name: SimpleNamespace(name=name)},
        timeline_markers=[SimpleNamespace(camera="another")],
        view_layers=[SimpleNamespace(name=name, use=True), SimpleNamespace(name="b", use=True)],
        camera=None,
    )
    exec("\n".join(lines), {"D": SimpleNamespace(scenes={name: scene})})
    assert scene.camera is scene.objects[name]
    assert scene.timeline_markers[0].camera is None
    assert [layer.use for layer in scene.view_layers] == [True, False]


def test_a_range_reaches_over_all_selected_markers() -> None:
    assert marker_range([30, 10, 20]) == "10-30"
    assert marker_range([5]) == "5"
    with pytest.raises(InvalidInput, match="no marker is selected"):
        marker_range([])


def test_negative_frames_stand_beside_dots() -> None:
    assert span(-5, 10) == "-5..10"
    assert span(0, 0) == "0"
