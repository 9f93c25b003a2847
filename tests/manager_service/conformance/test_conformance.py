"""Flamenco 3's contract, held against a Manager from outside."""

from __future__ import annotations

import pytest

from tests.manager_service import flamenco3_contract as contract
from tests.manager_service.conformance.exchange import Exchange, running_manager
from tests.manager_service.conformance.walk import CANNOT_BE_PROVOKED, walk


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """Everything that was said with a Manager in one walk through its API."""
    home = tmp_path_factory.mktemp("conformance") / "home"
    with running_manager(home) as api:
        walk(api, home)
    return api


def test_the_table_has_all_operations() -> None:
    assert len(contract.OPERATIONS) == 57


@pytest.mark.parametrize("operation", contract.OPERATIONS)
def test_the_operation_answers_as_flamenco_3_documents(walked: Exchange, operation: str) -> None:
    assert walked.problems[operation] == []


@pytest.mark.parametrize("operation", contract.OPERATIONS)
def test_every_documented_status_that_can_be_provoked_was(walked: Exchange, operation: str) -> None:
    documented = {
        (operation, status)
        for status in contract.OPERATIONS[operation][2]
        if status != contract.DEFAULT
    }
    assert documented - walked.seen == documented & CANNOT_BE_PROVOKED.keys()
