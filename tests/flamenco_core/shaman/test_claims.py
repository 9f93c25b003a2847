"""Which checkouts wait for their job."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.shaman import ShamanStore
from flamenco_core.shaman.checkout_paths import MARKER_NAME
from tests.flamenco_core.shaman.content import SteppedClock, checkout_of, put

DAY = timedelta(days=1)


def waiting(store: ShamanStore) -> list[str]:
    return sorted(each.path for each in store.waiting_checkouts(min_age=DAY))


def test_a_checkout_waits_until_its_job_claims_it(store: ShamanStore, clock: SteppedClock) -> None:
    file = put(store, b"x")
    for path in ("show/one", "show/two", "alone"):
        store.checkout(checkout_of(path, file))
    assert waiting(store) == []
    clock.advance(DAY)
    assert waiting(store) == ["alone", "show/one", "show/two"]
    store.claim_checkout("show/two")
    store.claim_checkout("show/two")
    assert waiting(store) == ["alone", "show/one"]
    store.erase_checkout("show/one")
    store.erase_checkout("show/two")
    assert waiting(store) == ["alone"]


@pytest.mark.parametrize("path", ["nothing", "../outside", "show", ""])
def test_claiming_what_is_no_checkout_changes_nothing(
    store: ShamanStore, clock: SteppedClock, path: str
) -> None:
    store.checkout(checkout_of("show/one", put(store, b"x")))
    store.claim_checkout(path)
    clock.advance(DAY)
    assert waiting(store) == ["show/one"]


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "[]",
        "no JSON",
        '{"checkout": "job"}',
        '{"waits_for_job_since": 7}',
        '{"waits_for_job_since": "yesterday"}',
        '{"waits_for_job_since": "2020-01-01"}',
    ],
)
def test_what_does_not_say_that_it_waits_is_left_alone(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path, marker: str
) -> None:
    store.checkout(checkout_of("job", put(store, b"x")))
    (tmp_path / "jobs/job" / MARKER_NAME).write_text(marker)
    (tmp_path / "jobs/of Flamenco 3").mkdir()
    clock.advance(DAY)
    assert waiting(store) == []


def test_a_claim_that_a_crash_cut_off_can_be_repeated(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    store.checkout(checkout_of("job", put(store, b"x")))
    (tmp_path / "jobs/job" / f"{MARKER_NAME}.new").write_text('{"check')
    store.claim_checkout("job")
    clock.advance(DAY)
    assert waiting(store) == []
    assert [each.name for each in (tmp_path / "jobs/job").glob(".*")] == [MARKER_NAME]


def test_nothing_waits_where_nothing_was_checked_out(store: ShamanStore) -> None:
    assert waiting(store) == []
