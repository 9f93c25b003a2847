"""What the Manager hears of the machine that a worker runs on."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from flamenco_core.client import ManagerClient
from flamenco_worker.graphics_cards import AmdCards, CardUse, NvidiaCards, find_cards
from flamenco_worker.host_measures import HostMeasures
from flamenco_worker.host_reports import HostReports
from tests.flamenco_worker.farm_programs import Farm, wait_until
from tests.flamenco_worker.protocol_manager import PATIENCE, ProtocolManager

WORKER = "00000000-0000-4000-8000-000000000000"
SOON = timedelta(milliseconds=10)
MEASURES_OF_ALL_MACHINES = {
    *("age_seconds", "cpu_percent", "memory_used", "disk_free"),
    *("network_received", "network_sent", "disk_read", "disk_written"),
}


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        running.known_workers.add(WORKER)
        running.farm_id = "7d9e8f4c-3a5f-4d1b-9d0c-222222222222"
        yield running


@contextmanager
def reporting(manager: ProtocolManager, **options: Any) -> Iterator[HostReports]:
    every = {"sample_every": SOON, "send_every": SOON}
    reports = HostReports(ManagerClient(manager.url), **(every | options))
    try:
        reports.start(WORKER, "secret")
        yield reports
    finally:
        reports.close()


def samples_of(manager: ProtocolManager) -> list[dict[str, Any]]:
    requests = manager.requests("/host-statistics")
    return [sample for request in requests for sample in request.body["samples"]]


def test_samples_are_what_this_machine_can_measure(manager: ProtocolManager) -> None:
    with reporting(manager):
        manager.wait_for_count("/host-statistics", 2)
    for sample in samples_of(manager):
        assert sample.keys() >= MEASURES_OF_ALL_MACHINES
        assert 0 < sample["memory_used"] < psutil.virtual_memory().total
        assert 0 <= sample["cpu_percent"] <= 100
        assert 0 <= sample["age_seconds"] < 60


def test_many_samples_travel_together(manager: ProtocolManager) -> None:
    def ages_that_came_together() -> list[list[float]]:
        requests = manager.requests("/host-statistics")
        return [[each["age_seconds"] for each in sent.body["samples"]] for sent in requests]

    with reporting(manager, send_every=timedelta(seconds=0.3)):
        manager.wait_for(
            lambda: any(len(ages) > 3 for ages in ages_that_came_together()), "several at once"
        )
    assert all(ages == sorted(ages, reverse=True) for ages in ages_that_came_together())


def test_a_manager_of_flamenco_3_is_asked_who_it_is_and_left_alone(
    manager: ProtocolManager,
) -> None:
    manager.farm_id = None
    with reporting(manager):
        manager.wait_for_count("/version", 1)
        wait_until(
            lambda: not any(each.name == "host-reports" for each in threading.enumerate()),
            "the end of the reports",
        )
    assert [request.path for request in manager.received] == ["/api/v3/version"]


def test_samples_wait_for_a_manager_that_is_out_of_order(manager: ProtocolManager) -> None:
    tries = itertools.count()
    manager.fail = lambda request: (
        503 if request.path == "/host-statistics" and next(tries) < 3 else None
    )
    with reporting(manager):
        manager.wait_for_count("/host-statistics", 1)
    assert len(samples_of(manager)) > 3


def test_a_manager_that_hangs_does_not_keep_the_reports_from_ending() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ManagerClient(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        reports = HostReports(client, sample_every=SOON, send_every=SOON)
        reports.start(WORKER, "secret")
        connection, _address = silent.accept()
        with connection:
            connection.settimeout(PATIENCE)
            assert connection.recv(1) == b"G"  # the request is on its way
            reports.close()
            while connection.recv(4096):
                pass


def test_a_machine_that_cannot_be_measured_still_renders(
    manager: ProtocolManager, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> HostMeasures:
        raise psutil.AccessDenied

    with reporting(manager, new_measures=fail):
        wait_until(lambda: "cannot tell what it is doing" in caplog.text, "the complaint")
    assert manager.requests("/host-statistics") == []


def test_rates_are_bytes_in_a_second(tmp_path: Path) -> None:
    """The kernel counts what is read and written; here, as fast as a clock of ours says."""
    seconds = iter([0.0, 4.0])
    before = psutil.disk_io_counters()
    measures = HostMeasures(tmp_path, [], clock=lambda: next(seconds))
    with (tmp_path / "written").open("wb") as file:
        file.write(os.urandom(8 * 2**20))
        file.flush()
        os.fsync(file.fileno())
    sample = measures.take()
    after = psutil.disk_io_counters()
    assert before is not None
    assert after is not None
    assert sample.disk_written is not None
    assert 2 * 2**20 <= sample.disk_written <= (after.write_bytes - before.write_bytes) / 4 + 1


def test_a_folder_that_is_gone_has_no_free_space_and_harms_nothing(tmp_path: Path) -> None:
    sample = HostMeasures(tmp_path / "gone", []).take()
    assert sample.disk_free is None
    assert sample.memory_used


def card_of_amd(folder: Path, number: int, percent: str, memory: str) -> None:
    device = folder / f"card{number}" / "device"
    device.mkdir(parents=True)
    (device / "gpu_busy_percent").write_text(percent)
    (device / "mem_info_vram_used").write_text(memory)


def test_of_several_cards_the_busiest_and_the_fullest_count(tmp_path: Path) -> None:
    card_of_amd(tmp_path, 0, "97\n", "1000\n")
    card_of_amd(tmp_path, 1, "3\n", "9000\n")
    (tmp_path / "card0-DP-1").mkdir()
    sample = HostMeasures(tmp_path, [AmdCards(tmp_path)]).take()
    assert (sample.gpu_percent, sample.gpu_memory_used) == (97, 9000)


def test_a_card_that_does_not_answer_is_left_out(tmp_path: Path) -> None:
    card_of_amd(tmp_path, 0, "", "")
    card_of_amd(tmp_path, 1, "3\n", "9000\n")
    assert AmdCards(tmp_path).read() == [CardUse(3, 9000)]


class _LibraryOfNvidia:
    """As `pynvml` with two cards, of which the second has been lost."""

    class NVMLError(Exception):
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802
        if handle == 1:
            raise self.NVMLError
        return SimpleNamespace(gpu=64, memory=20)

    def nvmlDeviceGetMemoryInfo(self, _handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=24_000, free=4_000, used=20_000)


def test_a_lost_card_of_nvidia_is_left_out() -> None:
    assert NvidiaCards(_LibraryOfNvidia()).read() == [CardUse(64, 20_000)]


def test_the_library_of_nvidia_has_what_is_asked_of_it() -> None:
    import pynvml

    asked = [name for name in vars(_LibraryOfNvidia) if name.startswith("nvml")]
    assert all(callable(getattr(pynvml, name)) for name in asked)
    assert issubclass(pynvml.NVMLError, Exception)


def test_a_machine_without_cards_that_tell_has_none() -> None:
    uses: list[CardUse] = [use for reader in find_cards() for use in reader.read()]
    sample = HostMeasures().take()
    assert (sample.gpu_percent is None) is (not uses)


def test_the_real_manager_keeps_what_a_worker_tells(tmp_path: Path) -> None:
    with Farm(tmp_path / "farm") as farm:
        farm.worker.start()
        wait_until(lambda: "this worker is awake" in farm.worker.log, "the worker")
        (worker,) = farm.ask("GET", "/worker-mgt/workers")["workers"]
        reports = HostReports(ManagerClient(farm.url), sample_every=SOON, send_every=SOON)
        credentials = farm.folder / "worker" / "flamenco-worker-credentials.yaml"
        reports.start(worker["id"], _secret_in(credentials.read_text()))

        def points() -> list[dict[str, Any]]:
            path = f"/worker-mgt/workers/{worker['id']}/host-statistics"
            found: list[dict[str, Any]] = farm.ask("GET", path)["points"]
            return found

        try:
            wait_until(lambda: points() != [], "the samples")
        finally:
            reports.close()
        assert points()[0].keys() >= MEASURES_OF_ALL_MACHINES - {"age_seconds"} | {"time"}


def _secret_in(credentials: str) -> str:
    return credentials.rpartition("worker_secret:")[2].strip().strip('"')
