"""Whether all that the scene uses is there to be sent. Decisions only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from flamenco_core.errors import Problem

from ..language import tr
from ..monitor.manager_sentences import said
from .facts import CacheFacts, FileFacts, SessionFacts
from .findings import Finding, Fix, Severity

_MOST_NAMED = 8
"""Missing files that are named one by one; what follows is counted."""


def session_findings(session: SessionFacts) -> Iterator[Finding]:
    if not session.filepath:
        yield Finding(
            "unsaved",
            Severity.ERROR,
            tr("The file was never saved."),
            tr("Save it once, so that its project is known."),
            fix=Fix.SAVE,
        )
    elif session.is_dirty:
        yield Finding(
            "unsaved",
            Severity.NOTE,
            tr("Changes that are not saved are sent along; your file stays as it is."),
            fix=Fix.SAVE,
        )


def missing_findings(missing: Sequence[FileFacts]) -> Iterator[Finding]:
    """`missing` are the files that were looked for in vain."""
    for file in missing[:_MOST_NAMED]:
        yield Finding(
            "missing-files",
            Severity.ERROR,
            tr("{kind} “{name}” is missing: {path}").format(
                kind=file.kind, name=file.name, path=os.path.normpath(file.path)
            ),
            fix=Fix.FIND_FILES,
        )
    if len(missing) > _MOST_NAMED:
        yield Finding(
            "missing-files",
            Severity.ERROR,
            tr("{count} more files are missing.").format(count=len(missing) - _MOST_NAMED),
            fix=Fix.FIND_FILES,
        )


def packing_findings(problems: Iterable[Problem]) -> Iterator[Finding]:
    """Files that tracing has missed; each problem names one and what uses it."""
    for problem in problems:
        yield Finding(
            "missing-files",
            Severity.ERROR,
            f"{problem.where} {said(problem.what)}.",
            problem.hint,
            fix=Fix.FIND_FILES,
        )


def cache_findings(caches: Sequence[CacheFacts], *, project: PurePath | None) -> Iterator[Finding]:
    for cache in caches:
        if cache.is_baked is None:
            yield Finding(
                "caches",
                Severity.NOTE,
                tr("{owner} gives each worker another result unless it is baked.").format(
                    owner=cache.owner
                ),
                tr("Blender does not tell whether it is."),
            )
        elif not cache.is_baked:
            yield Finding(
                "caches",
                Severity.WARNING,
                tr("{owner} is not baked, so each worker would begin it anew.").format(
                    owner=cache.owner
                ),
                tr("Bake it before submitting."),
            )
        elif cache.folder and project is not None and not _lies_in(cache.folder, project):
            yield Finding(
                "caches",
                Severity.WARNING,
                tr("{owner} keeps its bake outside the project: {folder}").format(
                    owner=cache.owner, folder=cache.folder
                ),
                tr("It is sent along, which may take long; better keep it in the project."),
            )


def _lies_in(folder: str, project: PurePath) -> bool:
    return type(project)(folder).is_relative_to(project)
