from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.config.masking import masked, unmasked
from flamenco_core.errors import InvalidInput

TEXT = """\
# The password is with the wizards.
mqtt:
  client: {username: farm, password: "tr33: #house"}   # broker
manager_secret: 'it''s me'
worker_registration_secret: |
  two
  lines
variables: {password: {values: [{platform: all, value: seen}]}}
"""


def test_secrets_are_replaced_and_everything_else_stays() -> None:
    shown = masked(TEXT, "f.yaml")
    assert shown == (
        "# The password is with the wizards.\n"
        "mqtt:\n"
        '  client: {username: farm, password: "(secret)"}   # broker\n'
        'manager_secret: "(secret)"\n'
        'worker_registration_secret: "(secret)"\n'
        "variables: {password: {values: [{platform: all, value: seen}]}}\n"
    )


def test_what_comes_back_has_the_secrets_again() -> None:
    shown = masked(TEXT, "f.yaml").replace("username: farm", "username: studio")
    whole = unmasked(shown, TEXT, "f.yaml")
    assert '"tr33: #house"' in whole
    assert '"it\'s me"' in whole
    assert yaml.safe_load(whole)["worker_registration_secret"] == "two\nlines\n"
    assert "studio" in whole


def test_a_secret_that_is_written_anew_is_the_new_one() -> None:
    shown = masked(TEXT, "f.yaml").replace('manager_secret: "(secret)"', "manager_secret: new")
    assert "manager_secret: new\n" in unmasked(shown, TEXT, "f.yaml")


def test_what_stands_for_no_secret_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidInput) as refused:
        unmasked("\nmanager_secret: (secret)\n", "manager_id: x\n", "f.yaml")
    assert refused.value.problems[0].where == "f.yaml, line 2, manager_secret"


def test_a_text_that_is_no_yaml_is_not_shown() -> None:
    with pytest.raises(InvalidInput):
        masked("manager_secret: [x\n", "f.yaml")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_any_secret_survives_the_way_out_and_back(secret: str) -> None:
    escaped = "".join(f"\\U{ord(char):08x}" for char in secret)
    text = f'manager_secret: "{escaped}"\nmanager_id: x\n'
    shown = masked(text, "f")
    assert yaml.safe_load(shown)["manager_secret"] == "(secret)"
    assert yaml.safe_load(unmasked(shown, text, "f"))["manager_secret"] == secret
