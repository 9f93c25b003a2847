"""Carrying out a pack request, in whatever process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import FlamencoError, Problem, StorageError
from flamenco_core.packing.contents import source_size
from flamenco_core.packing.delivery import Packer
from flamenco_core.packing.errors import MissingDependencies
from flamenco_core.packing.pack_request import (
    FailureKind,
    PackFailure,
    PackOutcome,
    PackRequest,
    PackTask,
)
from flamenco_core.packing.plan import OUTSIDE_PROJECT, PackPlan, missing_file_problems
from flamenco_core.packing.progress import ProgressCallback, no_progress


def carry_out(
    request: PackRequest,
    *,
    progress: ProgressCallback = no_progress,
    cancel: threading.Event | None = None,
    on_folder: Callable[[Path], None] = lambda _folder: None,
    on_client: Callable[[Callable[[], None]], None] = lambda _abort: None,
) -> PackOutcome:
    """Look at or deliver what was asked for.

    `on_client` gets what ends all requests to the Manager that are under way.

    Raises `MissingDependencies` before anything is sent, if that is not allowed, and what `Packer`
    raises.
    """
    packer = Packer(
        request.blend,
        stands_for=request.stands_for,
        project=request.project,
        progress=progress,
        cancel=cancel,
        on_folder=on_folder,
    )
    plan = packer.prepare()
    facts = _facts(plan)
    if request.task is PackTask.LOOK:
        return facts
    if not request.allow_missing:
        plan.require_nothing_missing()
    with ManagerClient(request.manager_url, token=request.token or None) as client:
        on_client(client.abort)
        delivery = packer.deliver(plan, client, request.job_name)
    checkout = delivery.storage.shaman_checkout_id if delivery.storage else None
    return PackOutcome(
        blendfile=delivery.blendfile,
        shaman_checkout_id=checkout or "",
        folder=str(delivery.folder or ""),
        project=facts.project,
        files_total=delivery.files_total,
        bytes_total=facts.bytes_total,
        files_sent=delivery.files_sent,
        bytes_sent=delivery.bytes_sent,
        missing=facts.missing,
        absent_caches=facts.absent_caches,
        outside_project=facts.outside_project,
    )


def failure_of(error: FlamencoError) -> PackFailure:
    """What to tell the artist."""
    kinds: tuple[tuple[type[FlamencoError], FailureKind], ...] = (
        (MissingDependencies, FailureKind.MISSING_FILES),
        (StorageError, FailureKind.STORAGE),
        (ManagerUnreachable, FailureKind.UNREACHABLE),
        (ManagerRefused, FailureKind.REFUSED),
    )
    kind = next((kind for cls, kind in kinds if isinstance(error, cls)), FailureKind.PROJECT)
    return PackFailure(kind, error.message, error.problems)


def _facts(plan: PackPlan) -> PackOutcome:
    return PackOutcome(
        project=str(plan.project),
        files_total=len(plan.files),
        bytes_total=sum(source_size(file) for file in plan.files),
        missing=tuple(missing_file_problems(plan.missing)),
        absent_caches=tuple(
            Problem(str(cache.path), f"is empty or not there; used by {cache.data_block[2:]}")
            for cache in plan.absent_caches
        ),
        outside_project=tuple(
            str(file.source)
            for file in plan.files
            if file.path_in_pack.startswith(f"{OUTSIDE_PROJECT}/")
        ),
    )
