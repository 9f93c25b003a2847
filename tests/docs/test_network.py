"""What the page on the network shows can be used as it stands; its nginx has a test of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flamenco_core.config import load_config
from flamenco_worker.cli import main as worker

PAGE = Path(__file__).resolve().parents[2] / "docs" / "network.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", blocks("yaml"))
def test_every_example_of_the_configuration_is_read(example: str, tmp_path: Path) -> None:
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(example, encoding="utf-8")
    config = load_config(file, environment={})
    assert not config.warnings


def test_there_is_an_example_of_each_kind() -> None:
    shown = "".join(blocks("yaml"))
    for setting in ("tlscert", "acme_domain_name", "trusted_proxies", "listen_https", "own_url"):
        assert f"{setting}:" in shown


def test_the_script_is_python_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from flamenco_core.client import discovery

    manager = discovery.FoundManager("http://farm:8080/", "Studio", "1.0", "an-id")
    # A real search would ask in every network of this machine.
    monkeypatch.setattr(discovery, "find_managers", lambda: [manager])
    (script,) = blocks("python")
    said: list[tuple[object, ...]] = []
    exec(script, {"print": lambda *words: said.append(words)})
    assert said == [("Studio", "http://farm:8080/", "an-id")]


def test_the_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert "```\nflamenco-worker --find-manager\n```" in TEXT
    with pytest.raises(SystemExit):
        worker(["--help"])
    assert "--find-manager" in capsys.readouterr().out
