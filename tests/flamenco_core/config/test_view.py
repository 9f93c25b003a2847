from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config, parse_config
from flamenco_core.config.descriptions import MEANINGS
from flamenco_core.config.fields import value_of, waiting_for_restart, with_live_fields
from flamenco_core.config.keys import KEYS
from flamenco_core.config.view import (
    flamenco_3_form,
    sections_of,
    variable_from,
    variables_of,
    worker_rules_of,
    written_rule,
)
from flamenco_core.model.configuration import ConfigurationSetting, SettingSource
from flamenco_core.provisioning import SlotSettings
from flamenco_core.wire import to_json
from tests.flamenco_core.config.parsing import FLAMENCO_3

HOME = Path("/farm")


def parsed(text: str, **environment: str) -> Config:
    return parse_config(text, name="f.yaml", home=HOME, environment=environment)


def setting(config: Config, name: str) -> ConfigurationSetting:
    sections = sections_of(config, [])
    return next(each for part in sections for each in part.settings if each.name == name)


def test_every_setting_is_shown_once_with_its_kind_default_and_meaning() -> None:
    shown = [each for part in sections_of(Config(home=HOME), []) for each in part.settings]
    assert sorted(each.name for each in shown) == sorted(key.path for key in KEYS)
    assert all(each.explanation == MEANINGS[each.name] for each in shown)
    assert all(each.source is SettingSource.DEFAULT and not each.is_set for each in shown)
    kinds = {each.name: each.kind.value for each in shown}
    assert kinds["task_timeout"] == "duration"
    assert kinds["shaman.fileStorePath"] == "path"
    assert kinds["shaman.enabled"] == "boolean"
    assert kinds["blocklist_threshold"] == "number"
    assert kinds["listen"] == "text"
    assert kinds["manager_secret"] == "secret"


def test_a_setting_says_where_it_comes_from() -> None:
    config = parsed(
        "task_timeout: 20m\nworker_timeout: 2m\n", FLAMENCO_WORKER_TIMEOUT="3m", OTHER="1"
    )
    in_file, in_environment = setting(config, "task_timeout"), setting(config, "worker_timeout")
    assert (in_file.source, in_file.place) == (SettingSource.FILE, "f.yaml, line 1")
    assert (in_file.value, in_file.default, in_file.is_set) == ("20m0s", "10m0s", True)
    assert in_environment.source is SettingSource.ENVIRONMENT
    assert in_environment.place == in_environment.environment_name == "FLAMENCO_WORKER_TIMEOUT"
    assert in_environment.value == "3m0s"


def test_choices_bounds_and_lists_are_told() -> None:
    config = parsed("shaman: {garbageCollect: {extraCheckoutPaths: [/a, /b]}}")
    assert setting(config, "authentication").choices == ["none", "local"]
    percentage = setting(config, "job_fail_percentage")
    assert (percentage.minimum, percentage.maximum) == (1, 100)
    extra = setting(config, "shaman.garbageCollect.extraCheckoutPaths")
    assert (extra.is_list, extra.kind.value) == (True, "path")
    assert extra.value == [str(Path("/a")), str(Path("/b"))]


def test_values_by_names_are_told_with_their_bounds() -> None:
    shares = setting(parsed("job_fail_percentage_by_type: {a: 5}"), "job_fail_percentage_by_type")
    assert (shares.is_by_name, shares.is_list, shares.kind.value) == (True, False, "number")
    assert (shares.value, shares.default, shares.is_set) == ({"a": 5}, {}, True)
    assert (shares.minimum, shares.maximum) == (1, 100)


def test_no_secret_is_in_what_is_shown() -> None:
    config = parsed(
        "manager_secret: 5e-cret-1\nmanager_id: x\nworker_registration_secret: 5e-cret-2\n"
        "mqtt: {client: {password: 5e-cret-3}}\n"
    )
    sections = sections_of(config, KEYS)
    assert "5e-cret" not in str(to_json(sections)) + str(flamenco_3_form(config)) + repr(config)
    secrets = {each.name: each.is_set for part in sections for each in part.settings}
    assert secrets["manager_secret"]
    assert secrets["mqtt.client.password"]


def test_variables_and_rules_are_shown_as_they_can_be_given_back() -> None:
    config = parsed(FLAMENCO_3.read_text(encoding="utf-8"))
    shown = variables_of(config)
    assert {name: variable_from(each) for name, each in shown.items()} == config.variables.by_name
    assert any(each.place for each in shown.values())
    ruled = parsed("worker_settings: [{tag: GPU, slots: 2, programs: {blender: /b}}]")
    (rule,) = worker_rules_of(ruled)
    assert (rule.tag, rule.slots, rule.programs, rule.limits) == ("GPU", 2, {"blender": "/b"}, None)
    of_slots = "[{name: a, devices: [gpu]}, {threads: 2}]"
    slotted = parsed(f"worker_settings: [{{tag: GPU, slots: {of_slots}}}]")
    (rule,) = worker_rules_of(slotted)
    assert (rule.slots, rule.slot_settings) == (
        2,
        [SlotSettings(name="a", devices=["gpu"]), SlotSettings(threads=2)],
    )
    assert written_rule(rule) == {
        "tag": "GPU",
        "slots": [{"name": "a", "devices": ["gpu"]}, {"threads": 2}],
    }


def test_flamenco_3_gets_the_settings_that_it_knows_and_no_others() -> None:
    form = flamenco_3_form(parsed("task_total_timeout: 3h\nmqtt: {client: {broker: mqtt://b}}"))
    assert sorted(form) == [
        "_meta",
        "autodiscoverable",
        "blocklist_threshold",
        "database",
        "database_check_period",
        "listen",
        "local_manager_storage_path",
        "manager_name",
        "mqtt",
        "shaman",
        "shared_storage_path",
        "task_fail_after_softfail_count",
        "task_timeout",
        "variables",
        "worker_timeout",
    ]
    assert form["shaman"]["garbageCollect"] == {"period": "24h0m0s", "maxAge": "744h0m0s"}
    assert form["mqtt"]["client"]["broker"] == "mqtt://b"
    assert form["variables"]["blenderArgs"] == {
        "is_twoway": False,
        "values": [{"platform": "all", "value": "-b -y"}],
    }


def test_what_counts_at_once_is_taken_over_and_the_rest_waits() -> None:
    running = parsed("shared_storage_path: '{disk}/farm'\n" + disk("/mnt")).with_located_paths()
    wanted = parsed(
        "shared_storage_path: '{disk}/farm'\nlisten: ':9000'\ntask_timeout: 5m\n" + disk("/mnt")
    )
    changed = with_live_fields(running, wanted)
    assert (changed.task_timeout, changed.listen) == (wanted.task_timeout, running.listen)
    assert [key.path for key in waiting_for_restart(changed, wanted)] == ["listen"]


def test_a_folder_stays_where_it_is_when_a_variable_in_its_path_changes() -> None:
    text = "shared_storage_path: '{disk}/farm'\n"
    running = parsed(text + disk("/mnt")).with_located_paths()
    wanted = parsed(text + disk("/other"))
    changed = with_live_fields(running, wanted)
    assert changed.shared_storage == running.shared_storage == Path("/mnt/farm")
    assert [key.path for key in waiting_for_restart(changed, wanted)] == ["shared_storage_path"]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.path))
def test_each_setting_has_a_field(key: Any) -> None:
    value_of(Config(home=HOME), key.field)


def disk(path: str) -> str:
    return f"variables: {{disk: {{is_twoway: true, values: [{{platform: all, value: {path}}}]}}}}\n"
