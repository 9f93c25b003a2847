from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.config import Config, load_config
from flamenco_core.config.keys import KEYS
from flamenco_core.model import Audience
from flamenco_core.statuses import WorkerStatus
from tests.flamenco_core.config.parsing import HOME, parse, problems, warnings


def test_the_environment_stands_over_the_file() -> None:
    config = parse(
        "manager_name: Studio\ntask_timeout: 5m\nlisten: :9000\n",
        FLAMENCO_MANAGER_NAME="42",
        FLAMENCO_TASK_TIMEOUT="20m",
        FLAMENCO_SHAMAN_ENABLED="false",
        FLAMENCO_SHAMAN_GARBAGE_COLLECT_MAX_AGE="48h",
        FLAMENCO_MQTT_CLIENT_CLIENT_ID="7",
        FLAMENCO_BLOCKLIST_THRESHOLD="9",
        FLAMENCO_WORKER_CLEANUP_STATUS="[offline, asleep]",
        FLAMENCO_SHARED_STORAGE_PATH="/mnt/x y",
        FLAMENCO_SHAMAN_GARBAGE_COLLECT_EXTRA_CHECKOUT_PATHS="[/a, b]",
        FLAMENCO_OWN_URL="http://[::1]:8080/",
        FLAMENCO_MQTT_CLIENT_PASSWORD="{:",
    )
    assert config.shaman_extra_checkouts == (Path("/a"), Path("b"))
    assert config.own_url == "http://[::1]:8080/"
    assert config.mqtt.password == "{:"
    assert config.manager_name == "42"
    assert config.task_timeout == timedelta(minutes=20)
    assert config.listen == ":9000"
    assert not config.shaman_enabled
    assert config.shaman_garbage_max_age == timedelta(hours=48)
    assert config.mqtt.client_id == "7"
    assert config.blocklist_threshold == 9
    assert config.worker_cleanup_status == (WorkerStatus.OFFLINE, WorkerStatus.ASLEEP)
    assert config.shared_storage == Path("/mnt/x y")


def test_every_setting_has_a_name_of_its_own_in_the_environment() -> None:
    names = [key.environment_name for key in KEYS]
    assert len(set(names)) == len(names)
    assert "FLAMENCO_MQTT_CLIENT_TOPIC_PREFIX" in names
    assert all(name.replace("_", "").isalnum() and name.isupper() for name in names)


def test_an_empty_value_counts_as_not_set() -> None:
    assert parse("listen: :9000", FLAMENCO_LISTEN="").listen == ":9000"


def test_problems_name_the_variable_of_the_environment() -> None:
    found = problems("", FLAMENCO_TASK_TIMEOUT="10", FLAMENCO_SHAMAN_ENABLED="perhaps")
    assert found == [
        "FLAMENCO_SHAMAN_ENABLED: must be true or false",
        "FLAMENCO_TASK_TIMEOUT: “10” has no unit (write 10s, 10m or 10h)",
    ]


def test_variables_of_the_environment_stand_beside_those_of_the_file() -> None:
    config = parse(
        "variables:\n  a: {linux: file}\n  b: {linux: file}\npath_replacement: {c: {linux: /c}}\n",
        FLAMENCO_VARIABLES="{b: {linux: environment}, c: {linux: one-way}}",
    )
    values = config.variables_for(Audience.WORKERS, "linux").values
    assert (values["a"], values["b"], values["c"]) == ("file", "environment", "one-way")
    assert "FLAMENCO_VARIABLES" in problems("", FLAMENCO_VARIABLES="[a]")[0]
    assert "FLAMENCO_VARIABLES" in problems("", FLAMENCO_VARIABLES="{a: [")[0]
    assert "FLAMENCO_VARIABLES" in problems("", FLAMENCO_VARIABLES="{a: 5}")[0]


def test_a_misspelt_name_is_warned_of_and_names_of_others_are_not() -> None:
    config = parse("", FLAMENCO_TASK_TIMOUT="5m", FLAMENCO_HOME="/x", FLAMENCO_ZZZ="1", HOME="/")
    assert warnings(config) == [
        "FLAMENCO_TASK_TIMOUT: is not a known setting (did you mean FLAMENCO_TASK_TIMEOUT?)"
    ]


def test_there_need_not_be_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAMENCO_MANAGER_NAME", "Container")
    assert load_config(None, home=HOME).manager_name == "Container"
    assert load_config(None, home=HOME, environment={}) == Config(home=HOME)
