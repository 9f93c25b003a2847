from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.provisioning import SlotSettings, WorkerRule, WorkerTraits, settings_for

LINUX = WorkerTraits(uuid="u-1", name="render-07", platform="linux", tags=frozenset({"GPU", "t-1"}))


def programs(*rules: WorkerRule, worker: WorkerTraits = LINUX) -> dict[str, str]:
    return settings_for(rules, worker).programs


def test_without_rules_there_is_nothing_to_tell() -> None:
    told = settings_for([], LINUX)
    assert (told.programs, told.slots, told.limits) == ({}, None, {})


def test_a_rule_is_for_the_workers_that_all_it_names_fit() -> None:
    for fitting in (
        WorkerRule(slots=2),
        WorkerRule(platform="linux", slots=2),
        WorkerRule(tag="gpu", slots=2),
        WorkerRule(tag="t-1", slots=2),
        WorkerRule(worker="RENDER-07", slots=2),
        WorkerRule(worker="u-1", platform="linux", tag="GPU", slots=2),
    ):
        assert settings_for([fitting], LINUX).slots == 2
    for other in (
        WorkerRule(platform="windows", slots=2),
        WorkerRule(tag="CPU", slots=2),
        WorkerRule(worker="render-0", slots=2),
        WorkerRule(worker="render-07", platform="windows", slots=2),
    ):
        assert settings_for([other], LINUX).slots is None


def test_worker_counts_more_than_tag_and_tag_more_than_platform_whatever_their_order() -> None:
    worker = WorkerRule(worker="render-07", programs={"blender": "worker"})
    tag = WorkerRule(tag="GPU", programs={"blender": "tag", "ffmpeg": "tag"})
    platform = WorkerRule(platform="linux", programs={"blender": "p", "ffmpeg": "p", "oiio": "p"})
    everybody = WorkerRule(programs={"oiio": "all", "python": "all"})
    expected = {"blender": "worker", "ffmpeg": "tag", "oiio": "p", "python": "all"}
    assert programs(worker, tag, platform, everybody) == expected
    assert programs(everybody, platform, tag, worker) == expected


def test_of_equals_the_later_rule_counts() -> None:
    first, second = WorkerRule(tag="GPU", slots=2), WorkerRule(tag="t-1", slots=3)
    assert settings_for([first, second], LINUX).slots == 3
    assert settings_for([second, first], LINUX).slots == 2


def test_variables_in_paths_of_programs_are_filled_in() -> None:
    rule = WorkerRule(programs={"ffmpeg": "{tools}/ffmpeg"})
    told = settings_for([rule], LINUX, expand=lambda path: path.replace("{tools}", "/opt"))
    assert told.programs == {"ffmpeg": "/opt/ffmpeg"}


def test_what_a_rule_says_of_slots_goes_together() -> None:
    card = SlotSettings(name="card", devices=["optix:0"])
    each = WorkerRule(tag="GPU", slots=1, slot_settings=(card,))
    told = settings_for([each, WorkerRule(slots=3)], LINUX)
    assert (told.slots, told.slot_settings) == (1, [card])
    only_three = settings_for([each, WorkerRule(worker="render-07", slots=3)], LINUX)
    assert (only_three.slots, only_three.slot_settings) == (3, None)


NAMES = st.sampled_from(["a", "b", "c"])
RULES = st.lists(
    st.builds(
        WorkerRule,
        platform=st.sampled_from(["", "linux", "windows"]),
        tag=st.sampled_from(["", "GPU", "CPU"]),
        worker=st.sampled_from(["", "render-07", "other"]),
        programs=st.dictionaries(NAMES, NAMES),
        slots=st.none() | st.integers(1, 3),
        slot_settings=st.just(())
        | st.tuples(st.builds(SlotSettings, devices=st.sampled_from([None, ["cpu"], ["gpu"]]))),
        limits=st.dictionaries(st.just("threads"), st.integers(1, 3)),
    ),
    max_size=5,
)


@given(RULES, RULES)
def test_the_etag_is_the_same_exactly_when_the_settings_are(
    some: list[WorkerRule], others: list[WorkerRule]
) -> None:
    first, second = settings_for(some, LINUX), settings_for(others, LINUX)
    contents = [
        (each.programs, each.slots, each.slot_settings, each.limits) for each in (first, second)
    ]
    assert (first.etag == second.etag) == (contents[0] == contents[1])
