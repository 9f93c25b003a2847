"""All checks together: from facts to a list of findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from . import farm_checks, file_checks, scene_checks
from .facts import CacheFacts, FarmFacts, FileFacts, JobFacts, SessionFacts
from .findings import Finding, by_severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that pre-flight knows at one time."""

    session: SessionFacts
    farm: FarmFacts
    jobs: tuple[JobFacts, ...]
    missing: tuple[FileFacts, ...] = ()
    """Files that were looked for in vain."""
    caches: tuple[CacheFacts, ...] = ()
    project: PurePath | None = None


_JOB_CHECKS = (
    farm_checks.tag_findings,
    farm_checks.trust_findings,
    farm_checks.setting_findings,
    scene_checks.override_findings,
)
_BLEND_CHECKS = (
    scene_checks.camera_findings,
    scene_checks.format_findings,
    scene_checks.frame_findings,
    scene_checks.view_layer_findings,
    scene_checks.addon_findings,
    scene_checks.outputs_findings,
)
"""For jobs that render the file; others have nothing to do with the scene."""


def find(facts: Facts) -> list[Finding]:
    """All findings, the worst first."""
    return by_severity(_find(facts))


def _find(facts: Facts) -> Iterator[Finding]:
    yield from farm_checks.connection_findings(facts.farm)
    renders_blend = any(job.renders_blend for job in facts.jobs)
    if renders_blend:
        yield from file_checks.session_findings(facts.session)
        yield from file_checks.missing_findings(facts.missing)
        yield from file_checks.cache_findings(facts.caches, project=facts.project)
        yield from farm_checks.version_findings(facts.session, facts.farm)
    for job in facts.jobs:
        yield from _of_job(job, facts)


def _of_job(job: JobFacts, facts: Facts) -> Iterator[Finding]:
    for check in _JOB_CHECKS:
        yield from check(job)
    yield from farm_checks.path_findings(job, facts.farm, facts.session)
    yield from farm_checks.override_support_findings(job, facts.farm)
    if job.renders_blend:
        for blend_check in _BLEND_CHECKS:
            yield from blend_check(job)
        yield from farm_checks.gpu_findings(job, facts.farm)


def existing_or_missing(files: Sequence[FileFacts]) -> tuple[FileFacts, ...]:
    """Those of the files that do not exist. Asks the disk: not for Blender's main thread."""
    from flamenco_core.packing.sequences import files_of_sequence

    missing: dict[str, FileFacts] = {}
    for file in files:
        key = str(file.path)
        if key in missing:
            continue
        is_many = file.is_sequence or "<UDIM>" in key or "<UVTILE>" in key
        is_there = bool(files_of_sequence(file.path)) if is_many else file.path.is_file()
        if not is_there:
            missing[key] = file
    return tuple(missing.values())
