from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.config import (
    Authentication,
    Config,
    MqttClient,
    load_config,
    parse_config,
)
from flamenco_core.config.keys import KEYS
from flamenco_core.errors import InvalidInput, StorageError
from flamenco_core.model import Audience
from flamenco_core.paths import this_platform
from tests.flamenco_core.config.parsing import FLAMENCO_3, HOME, parse, problems, warnings


def test_a_file_of_flamenco_3_is_read() -> None:
    config = load_config(FLAMENCO_3, home=HOME, environment={})
    assert config.manager_name == "Animation Studio"
    assert config.database_file == HOME / "flamenco-manager.sqlite"
    assert config.local_storage == HOME / "flamenco-manager-storage"
    assert config.job_storage == Path("/mnt/flamenco/jobs")
    assert config.file_store == Path("/mnt/flamenco/file-store")
    assert config.shaman_garbage_max_age == timedelta(days=31)
    assert config.mqtt == MqttClient(
        enabled=True,
        broker="tcp://broker.studio:1883",
        client_id="farm",
        username="farm",
        password="s3cret",
    )
    assert config.warnings == ()
    windows = config.variables_for(Audience.WORKERS, "windows")
    assert windows.values["blender"] == "B:\\blender\\blender.exe"
    assert windows.values["storage"] == "F:\\flamenco"
    assert windows.twoway == {"storage"}
    assert "storage" not in config.variables_for(Audience.USERS, "linux").values


def test_passwords_do_not_show_where_a_configuration_is_printed() -> None:
    config = load_config(FLAMENCO_3, home=HOME, environment={})
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n", "_meta: {version: 3}"])
def test_an_empty_file_means_the_defaults(text: str) -> None:
    assert parse(text) == Config(home=HOME)
    assert parse(text).warnings == ()


def test_every_setting_is_in_the_configuration_that_it_sets() -> None:
    config = Config()
    for key in KEYS:
        part, _, name = key.field.partition(".")
        assert hasattr(getattr(config, part), name) if name else hasattr(config, part), key.path


def test_settings_of_later_parts_are_read() -> None:
    config = parse(
        "time_zone: Europe/Amsterdam\n"
        "authentication: local\n"
        "trusted_proxies: [10.0.0.0/8, '::1']\n"
        "own_url: https://farm.studio/flamenco/\n"
        "task_total_timeout: 1.5h\n"
        "database_check_period: 0s\n"
        "listen: '[::1]:8080'\n"
    )
    assert config.time_zone == "Europe/Amsterdam"
    assert config.authentication is Authentication.LOCAL
    assert config.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert config.own_url == "https://farm.studio/flamenco/"
    assert config.task_total_timeout == timedelta(minutes=90)
    assert config.database_check_period == timedelta(0)


def test_what_is_written_without_quotes_is_a_text_where_one_is_wanted() -> None:
    config = parse(
        "manager_name: 007\n"
        "manager_id: 585200000000000000000001\n"
        "mqtt: {client: {password: on, username: 2026-01-02}}\n"
        "variables: {a: {values: [{platform: all, value: 0x10}]}, b: {linux: 5}}\n"
    )
    assert config.manager_name == "007"
    assert config.upstream.manager_id == "585200000000000000000001"
    assert (config.mqtt.password, config.mqtt.username) == ("on", "2026-01-02")
    values = config.variables_for(Audience.WORKERS, "linux").values
    assert (values["a"], values["b"]) == ("0x10", "5")


def test_an_empty_shared_storage_is_one_that_was_not_set_up_yet() -> None:
    assert parse('shared_storage_path: ""\n') == Config(home=HOME)


def test_the_job_storage_is_the_shared_storage_itself_without_shaman() -> None:
    config = parse("shared_storage_path: /mnt/shared\nshaman: {enabled: false}\n")
    assert config.job_storage == Path("/mnt/shared")


def test_shamans_folders_can_lie_elsewhere() -> None:
    config = parse(
        "shared_storage_path: /mnt/shared\n"
        "shaman: {fileStorePath: /fast/files, checkoutPath: jobs}\n"
    )
    assert config.file_store == Path("/fast/files")
    assert config.job_storage == HOME / "jobs"


STORAGE = (
    f"variables:\n  storage: {{values: [{{platform: {this_platform()}, value: /mnt/farm}}]}}\n"
)


def test_folders_can_be_written_with_variables() -> None:
    config = parse(
        STORAGE
        + "shared_storage_path: '{storage}/flamenco'\n"
        + "database: '{jobs}/farm.sqlite'\n"
        + "shaman: {fileStorePath: '{storage}/files'}\n"
    )
    assert config.shared_storage == Path("/mnt/farm/flamenco")
    assert config.job_storage == Path("/mnt/farm/flamenco/jobs")
    assert config.database_file == Path("/mnt/farm/flamenco/jobs/farm.sqlite")
    assert config.file_store == Path("/mnt/farm/files")
    workers = config.variables_for(Audience.WORKERS, this_platform())
    assert workers.values["jobs"] == "/mnt/farm/flamenco/jobs"
    assert config.local_path("{jobs}/x/a.blend") == Path("/mnt/farm/flamenco/jobs/x/a.blend")


def test_a_folder_whose_variable_has_no_value_here_is_refused() -> None:
    found = problems("listen: ':80'\nshared_storage_path: '{storag}/flamenco'\n" + STORAGE)
    assert len(found) == 1
    assert found[0].startswith(
        f"line 2, shared_storage_path: {{storag}} has no value for workers on {this_platform()}"
    )


def test_a_folder_that_follows_from_itself_is_refused() -> None:
    loop = STORAGE.replace("/mnt/farm", "'{jobs}/x'") + "shared_storage_path: '{storage}/y'\n"
    assert len(problems(loop)) == 1
    assert "names itself" in problems(loop)[0]
    assert problems("listen: :80\nshared_storage_path: '{jobs}/x'\n") == [
        "line 2, variables.jobs: its value names itself through jobs → jobs"
    ]


def test_every_problem_is_named_with_its_line() -> None:
    found = problems(
        "manager_nam: x\n"
        "task_timeout: 10\n"
        "worker_timeout: 0\n"
        "database_check_period: 10 minutes\n"
        "blocklist_threshold: none\n"
        "shaman:\n"
        "  enabled: maybe\n"
        "  garbagecollect: {period: -1h}\n"
        "listen: 8080\n"
        "time_zone: Europe/Amsterdan\n"
        "authentication: ldap\n"
        "mqtt: {client: {enabled: true, broker: 'broker:1883'}}\n"
        "trusted_proxies: [proxy]\n"
        "job_fail_percentage: 101\n"
        "manager_name: x\n"
        "manager_name: y\n"
        "own_url: flamenco.studio\n"
        "ssdp_device_uuid: mine\n"
        "tlskey: /etc/key\n"
        "worker_cleanup_status: [gone]\n"
    )
    assert [line.partition(",")[0].partition(":")[0] for line in found] == [
        *("line 16", "line 1", "line 2", "line 3", "line 4", "line 5", "line 7", "line 8"),
        *("line 9", "line 10", "line 11", "line 12", "line 13", "line 14", "line 17"),
        *("line 18", "line 20", "line 19", "line 12"),
    ]
    text = "\n".join(found)
    for sentence in (
        "line 16: manager_name is there twice, first on line 15",
        "line 1, manager_nam: is not a known setting (did you mean manager_name?)",
        "line 2, task_timeout: “10” has no unit (write 10s, 10m or 10h)",
        "line 3, worker_timeout: “0” has no unit (write 0s)",
        "line 8, shaman.garbagecollect: is not a known setting (did you mean garbageCollect?)",
        "line 9, listen: '8080' is not host:port (such as :8080 or localhost:8080)",
        "line 19, tlskey: needs tlscert too",
    ):
        assert sentence in text


@pytest.mark.parametrize("written", ["0", "+0", "-0", "5", "5.5", "1_0", "''", "true", "[5s]", "~"])
def test_an_interval_needs_its_unit(written: str) -> None:
    assert problems(f"task_timeout: {written}\n")[0].startswith("line 1, task_timeout: ")


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("0s", timedelta(0)),
        ("1m30s", timedelta(seconds=90)),
        ("10m0s", timedelta(minutes=10)),
        ("1.5h", timedelta(minutes=90)),
        ("744h0m0s", timedelta(days=31)),
        ("'500ms'", timedelta(milliseconds=500)),
    ],
)
def test_intervals_have_the_forms_that_flamenco_writes(written: str, length: timedelta) -> None:
    assert parse(f"task_timeout: {written}\n").task_timeout == length


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("listen: ':80\nmanager_name: x", "line 2"),
        ("a: b: c", "line 1"),
        ("listen: :80\n\tx: y\n", "line 2"),
        ("--- 1\n--- 2\n", "line 2"),
        ("x: &x [*x]\n", "flamenco-manager.yaml"),
        ("x: 2026-02-31\n", "flamenco-manager.yaml"),
        ("manager_name: \x07\n", "flamenco-manager.yaml"),
        ("- a\n- b\n", "line 1"),
        ("just text\n", "line 1"),
    ],
)
def test_what_is_no_list_of_settings_is_refused(text: str, place: str) -> None:
    assert place in f"{problems(text)[0]} flamenco-manager.yaml"


@pytest.mark.parametrize(
    "line",
    [
        'shared_storage_path: "a\\0b"',
        'manager_name: "two\\nlines"',
        'acme_email: "a\\x1b@b.org"',
    ],
)
def test_texts_have_no_control_characters(line: str) -> None:
    assert "has a line break or another control character" in problems(f"{line}\n")[0]


@pytest.mark.parametrize("prefix", ["farm/+", "#", "farm#1"])
def test_what_stands_before_mqtt_topics_stands_for_no_others(prefix: str) -> None:
    (found,) = problems(f"mqtt: {{client: {{topic_prefix: '{prefix}'}}}}\n")
    assert found.startswith("line 1, mqtt.client.topic_prefix: has a + or #")


def test_the_break_at_the_end_of_a_block_is_none() -> None:
    config = parse_config("manager_name: |\n  Studio\n", name="f.yaml", home=HOME)
    assert config.manager_name == "Studio"


def test_an_enormous_file_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too" in problems("\n".join(lines))[0]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ("  tool: {values: [{value: x}]}", "line 2, variables.tool.values[0]: must say for which"),
        ("  tool: {values: [{platform: all, value: }]}", 'is written ""'),
        ("  tool: {values: [{platform: all, value: [x]}]}", "must be a text"),
        ("  tool: {values: [{platform: all, valeu: x}]}", "did you mean value?"),
        ("  tool: {values: x}", "needs a list of values"),
        ("  tool: {is_twoway: yes please, values: []}", "must be true or false"),
        ("  tool: {direction: back, values: []}", "must be oneway or twoway"),
        ("  tool: {values: [{platform: all, value: x, audience: me}]}", "choose of all, workers"),
        (
            "  tool: {values: [{platform: all, value: x, audience: worker}]}",
            "the audience 'worker' is not known (did you mean workers?)",
        ),
        (
            "  tool:\n    values:\n    - {platform: lnux, value: x}",
            "values[0].platform: the platform 'lnux' is not known (did you mean linux?)",
        ),
        ("  tool: {values: [{platforms: [all, Windows], value: x}]}", "did you mean windows?"),
        ("  tool: {values: [{platform: macOS, value: x}]}", "did you mean darwin?"),
        ("  tool:\n    linus: x", "line 3, variables.tool.linus: the platform 'linus' is not"),
        ("  tool: 5", "needs a list of values"),
        ("  tool: {platform: linux, value: x}", "needs a list of values"),
        ("  tool: {is_twoway: true}", "needs a list of values"),
        ("  tool: {linux: [a]}", "must be a text"),
        ("  '{tool}': {linux: a}", "is no name for a variable"),
        ("  jobs: {linux: a}", "{jobs} is always the folder of the jobs' files"),
        ("  a: {linux: '{b}'}\n  b: {linux: '{a}'}", "line 2, variables.a: its value names itself"),
        ("  a: {linux: x}\n  a: {linux: y}", "line 3: a is there twice, first on line 2"),
        (
            "  a: {linux: x}\npath_replacement:\n  a: {linux: y}",
            "line 4, path_replacement.a: the name a is taken by a variable, on line 2",
        ),
    ],
)
def test_what_is_wrong_with_variables_is_said(variables: str, sentence: str) -> None:
    assert sentence in "\n".join(problems(f"variables:\n{variables}\n"))


def test_a_variable_may_be_for_several_platforms_and_audiences() -> None:
    config = parse(
        "variables:\n"
        "  tool:\n"
        "    values:\n"
        "      - {platforms: [linux, darwin], platform: plan9, value: x}\n"
        "      - {platform: windows, audience: all, value: y}\n"
    )
    for platform, value in [("linux", "x"), ("darwin", "x"), ("plan9", "x"), ("windows", "y")]:
        assert config.variables_for(Audience.USERS, platform).values["tool"] == value
    assert "blenderArgs" in config.variables.by_name
    place = "flamenco-manager.yaml, line 4, variables.tool.values[0].platform"
    assert f"{place}: the platform 'plan9' is not known" in warnings(config)[0]


def test_a_file_of_a_later_version_is_refused() -> None:
    assert (
        "line 1, _meta.version: this program reads versions up to 3, not 4"
        in problems("_meta: {version: 4}")[0]
    )
    assert "is no version" in problems("_meta: {version: new}")[0]


def test_a_windows_share_as_storage_of_another_platform_is_warned_of() -> None:
    config = parse("shared_storage_path: '\\\\nas\\farm'\n")
    assert "is a path for Windows" in warnings(config)[0]


def test_two_way_variables_that_cannot_work_are_warned_of() -> None:
    config = parse(
        "path_replacement:\n"
        "  b: {linux: /mnt/farm, windows: 'F:\\farm'}\n"
        "  a: {linux: /mnt/other, windows: f:/FARM/}\n"
        "  c: {linux: farm}\n"
        "  d: {windows: /farm}\n"
        "  e: {windows: '\\\\nas\\farm', darwin: '{tool}/x'}\n"
    )
    found = [text.removeprefix("flamenco-manager.yaml, ") for text in warnings(config)]
    assert found[1:] == [
        "line 4, variables.c: 'farm' is no whole path on linux",
        "line 2, variables.b: is the same folder as {a} on windows, which is used",
        "line 5, variables.d: '\\\\farm' is no whole path on windows",
    ]


def test_a_certificate_and_lets_encrypt_together_are_warned_of() -> None:
    config = parse("tlskey: a\ntlscert: b\nacme_domain_name: farm.studio\n")
    assert config.tls.has_certificate
    assert "is ignored" in warnings(config)[0]


def test_a_name_for_a_certificate_is_a_plain_domain_name() -> None:
    tls = parse("acme_domain_name: Farm.Example.COM.\nacme_email: td@example.com\n").tls
    assert (tls.acme_name, tls.acme_email) == ("farm.example.com", "td@example.com")
    assert tls.acme_directory_url == "https://acme-v02.api.letsencrypt.org/directory"
    for name in ("https://farm.example.com", "farm", "farm.example.com:443", "10.1.2.3", "a..b"):
        assert "is no domain name" in problems(f"acme_domain_name: '{name}'\n")[0]


@pytest.mark.parametrize("listen_https", ["''", ":8080"])
def test_a_name_can_only_be_checked_where_plain_http_has_an_address(listen_https: str) -> None:
    (found,) = problems(f"acme_domain_name: farm.studio\nlisten_https: {listen_https}\n")
    assert found.startswith("line 2, listen_https: leaves no address for plain HTTP")


def test_the_keys_of_an_authority_belong_together_and_stay_secret() -> None:
    tls = parse("acme_key_id: studio\nacme_hmac_key: abc-_9==\n").tls
    assert (tls.acme_key_id, tls.acme_hmac_key) == ("studio", "abc-_9")
    assert "abc-_9" not in repr(tls)
    assert problems("acme_key_id: studio\n") == ["line 1, acme_key_id: needs acme_hmac_key too"]
    assert problems("acme_hmac_key: abc\n") == ["line 1, acme_hmac_key: needs acme_key_id too"]
    assert "is not base64url" in problems("acme_key_id: a\nacme_hmac_key: 'a b'\n")[0]


def test_an_own_address_without_https_is_warned_of_if_there_is_https() -> None:
    written = "acme_domain_name: farm.studio\nown_url: http://farm.studio/\n"
    (found,) = warnings(parse(written))
    assert "own_url: leads others to plain HTTP" in found
    assert not warnings(parse(written.replace("http:", "https:")))


def test_interfaces_for_discovery_are_addresses() -> None:
    config = parse("discovery_interfaces: [127.0.0.1, '::1']\n")
    assert config.discovery_interfaces == ("127.0.0.1", "::1")
    assert "is no IP address" in problems("discovery_interfaces: [eth0]\n")[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.yaml"):
        load_config(tmp_path / "nothing.yaml", environment={})


def test_a_file_of_windows_notepad_is_read(tmp_path: Path) -> None:
    file = tmp_path / "flamenco-manager.yaml"
    file.write_bytes(b"\xef\xbb\xbfmanager_name: Caf\xc3\xa9\r\nlisten: :80\r\n")
    assert load_config(file, environment={}).manager_name == "Café"
    file.write_bytes(b"manager_name: Caf\xe9\n")
    with pytest.raises(StorageError):
        load_config(file, environment={})


@given(text=st.text() | st.text(alphabet="abx:-&*[]{}!<>|\n '\"#%@`,?0123456789~"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        parse_config(text, name="f.yaml", home=HOME)


def test_tasks_that_time_out_before_their_workers_are_warned_of() -> None:
    [warning] = warnings(parse("task_timeout: 1m\nworker_timeout: 15m\n"))
    assert warning == (
        "flamenco-manager.yaml, line 1, task_timeout: lets tasks of lost workers fail, which are "
        "else queued again (make task_timeout longer than worker_timeout)"
    )
    assert not warnings(parse("task_timeout: 0s\nworker_timeout: 15m\n"))


def test_a_setting_of_a_section_stands_in_its_section() -> None:
    assert problems("shaman.enabled: false\nshaman: {garbageCollect.maxAge: 48h}") == [
        (
            "line 1, shaman.enabled: is a path, which does not count in a file "
            "(write enabled below shaman)"
        ),
        (
            "line 2, shaman.garbageCollect.maxAge: is a path, which does not count in a file "
            "(write maxAge below garbageCollect)"
        ),
    ]


def test_shares_of_failed_tasks_are_read_by_job_type() -> None:
    text = "job_fail_percentage_by_type:\n  render: 25\n  v2.0: 100\n"
    assert parse(text).job_fail_percentage_by_type == {"render": 25, "v2.0": 100}
    given = parse(text, FLAMENCO_JOB_FAIL_PERCENTAGE_BY_TYPE="{echo: 5}")
    assert given.job_fail_percentage_by_type == {"echo": 5}
    assert parse("job_fail_percentage_by_type:").job_fail_percentage_by_type == {}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("25", "must be names with values (write each as name: value)"),
        ("[render]", "must be names with values (write each as name: value)"),
        (
            "{render: 25, echo: 0}",
            "has a value of echo that must be a whole number from 1 to 100",
        ),
        ("{'': 25}", "has a value without a name"),
    ],
)
def test_shares_that_cannot_be_used_are_named(value: str, says: str) -> None:
    found = problems(f"job_fail_percentage_by_type: {value}")
    assert found == [f"line 1, job_fail_percentage_by_type: {says}"]
