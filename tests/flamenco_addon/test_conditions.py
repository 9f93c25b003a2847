"""How things stand with a Manager is said in words, with what to do."""

from __future__ import annotations

import pytest

from flamenco_addon import conditions
from flamenco_addon.conditions import State
from flamenco_core import model
from flamenco_core.client import ManagerRefused

URL = "http://farm:8080"


def version(text: str, *, farm_id: str | None = "f1") -> model.FlamencoVersion:
    return model.FlamencoVersion(
        name="Flamenco", version=text, shortversion=text, git="", farm_id=farm_id
    )


@pytest.mark.parametrize(
    ("manager", "own", "state", "words"),
    [
        ("v1.2", "v1.2", State.CONNECTED, ""),
        ("v1.2-14-abc1234", "v1.2-3-def5678-dirty", State.CONNECTED, ""),
        ("v1.3", "v1.2", State.OTHER_VERSION, "Update the extension"),
        ("v1.10", "v1.9", State.OTHER_VERSION, "http://farm:8080/flamenco-addon.zip"),
        ("v1.2", "v1.3", State.OTHER_VERSION, "Ask for it to be updated"),
        ("unknown", "v1.3", State.CONNECTED, ""),
    ],
)
def test_versions_are_compared_by_their_releases(
    manager: str, own: str, state: State, words: str
) -> None:
    condition = conditions.connected(version(manager), URL, own)
    assert condition.state is state
    assert words in condition.advice
    assert condition.is_good


def test_a_manager_of_flamenco_3_counts_its_versions_differently() -> None:
    condition = conditions.connected(version("3.7", farm_id=None), URL, "v0.1")
    assert condition.state is State.CONNECTED
    assert "Flamenco 3.7" in condition.sentence


@pytest.mark.parametrize(
    ("status", "is_manager", "state"),
    [
        (401, True, State.LOG_IN),
        (403, True, State.REFUSED),
        (404, True, State.TOO_OLD),
        (404, False, State.NO_MANAGER),
        (500, True, State.REFUSED),
        (503, False, State.REFUSED),
    ],
)
def test_a_refusal_says_what_to_do(status: int, is_manager: bool, state: State) -> None:
    condition = conditions.refused(ManagerRefused(status, "no"), is_manager=is_manager)
    assert condition.state is state
    assert condition.advice
    assert not condition.is_good


@pytest.mark.parametrize(
    ("sentence", "advice"),
    [
        ("nothing listens there; is the Manager running?", "Is the address right?"),
        ("it did not answer in time", "Is the Manager running, and is the address right?"),
    ],
)
def test_an_artist_is_not_asked_twice_whether_the_manager_runs(sentence: str, advice: str) -> None:
    assert conditions.away(ConnectionError(sentence)).advice == advice
