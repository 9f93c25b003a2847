"""Whether the farm can render what is submitted. Decisions only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flamenco_core.model import Platform
from flamenco_core.paths import rest_below

from ..language import tr
from ..monitor.manager_sentences import said
from ..setting_properties import is_path, is_shown, label_of
from .facts import FarmFacts, JobFacts, SessionFacts
from .findings import Finding, Fix, Severity

_VERSION = re.compile(r"(\d+)\.(\d+)")


def connection_findings(farm: FarmFacts) -> Iterator[Finding]:
    if not farm.is_connected:
        sentence = farm.sentence or tr("The Manager was not asked yet.")
        yield Finding("manager", Severity.ERROR, sentence, fix=Fix.ASK_AGAIN)


def tag_findings(job: JobFacts) -> Iterator[Finding]:
    if job.unknown_tag_in:
        yield Finding(
            "tag",
            Severity.ERROR,
            tr("The farm does not have the worker tag that the scene “{scene}” asks for.").format(
                scene=job.unknown_tag_in
            ),
            scene=job.unknown_tag_in,
            fix=Fix.ANY_WORKER,
        )


def trust_findings(job: JobFacts) -> Iterator[Finding]:
    if job.is_distrusted:
        yield Finding(
            "trust",
            Severity.ERROR,
            tr("The job type {label} fills in settings with Python of this farm.").format(
                label=job.job_type.label
            ),
            tr("Look at it, and say that it may run."),
            fix=Fix.TRUST_FARM,
        )


def setting_findings(job: JobFacts) -> Iterator[Finding]:
    """What cannot be computed here, and what the Manager refuses."""
    labels = {setting.key: label_of(setting) for setting in job.job_type.settings}
    for problem in job.problems:
        key = problem.where.removeprefix("settings.")
        label = labels.get(key)
        hint = said(problem.hint)
        # “Frames is required and was not given”; other problems are whole sentences.
        what = f"{label} {said(problem.what)}" if label else said(problem.what)
        yield Finding(
            "settings",
            Severity.ERROR,
            what[:1].upper() + what[1:].rstrip(".") + ".",
            hint[:1].upper() + hint[1:],
            scene=job.scene.name,
        )


def path_findings(job: JobFacts, farm: FarmFacts, session: SessionFacts) -> Iterator[Finding]:
    """Folders that workers know by no name: no variable maps them, nor is it shared storage."""
    if farm.is_this_computer:
        return
    for setting in job.job_type.settings:
        value = job.values.get(setting.key)
        is_asked_for = is_path(setting) and is_shown(setting) and setting.editable is not False
        if not is_asked_for or not isinstance(value, str) or not value or value.startswith("{"):
            continue
        if is_mapped(_absolute(value, session), farm, session.platform):
            continue
        is_output = setting.key == "render_output_root"
        yield Finding(
            "paths",
            Severity.WARNING,
            tr(
                "{setting} is {path}, which is not known to be the same on the workers:"
                " it is not in the shared storage, and no variable of the farm maps it."
            ).format(setting=label_of(setting), path=value),
            scene=job.scene.name,
            fix=Fix.OUTPUT_ON_FARM if is_output else None,
            target=setting.key,
        )


def _absolute(path: str, session: SessionFacts) -> str:
    """Two slashes begin a path from the folder of the file, as everywhere in Blender."""
    if not path.startswith("//"):
        return path
    folder = re.sub(r"[/\\][^/\\]*$", "", session.filepath)
    return f"{folder}/{path[2:]}"


def is_mapped(path: str, farm: FarmFacts, platform: str) -> bool:
    """Whether workers on any platform find the same folder."""
    ignore_case = platform != Platform.LINUX
    folders = [variable.value for variable in farm.variables.values() if variable.is_twoway]
    if farm.storage:
        # Frames go beside the folder of the jobs' files, which may be a part of the storage.
        parent = re.sub(r"[/\\][^/\\]+[/\\]*$", "", farm.storage)
        folders += [farm.storage, parent]
    return any(
        folder and rest_below(path, folder, ignore_case=ignore_case) is not None
        for folder in folders
    )


def version_findings(session: SessionFacts, farm: FarmFacts) -> Iterator[Finding]:
    if not farm.blender_versions:
        return
    here = session.blender_version
    known = {
        text: version
        for text in farm.blender_versions
        if (version := _major_minor(text)) is not None
    }
    if not known or here in known.values():
        return
    have = ", ".join(sorted(known, key=known.__getitem__))
    is_older = all(version < here for version in known.values())
    yield Finding(
        "blender-version",
        Severity.WARNING,
        tr("This is Blender {version}, and the workers have {versions}.").format(
            version=f"{here[0]}.{here[1]}", versions=have
        ),
        tr("Older versions may not read the file as it is meant.")
        if is_older
        else tr("The result may look different."),
    )


def gpu_findings(job: JobFacts, farm: FarmFacts) -> Iterator[Finding]:
    if job.scene.wants_gpu and farm.devices and "gpu" not in farm.devices:
        yield Finding(
            "gpu",
            Severity.WARNING,
            tr("The scene renders on the GPU, and no worker of the farm has one."),
            tr("The workers render on the CPU, which takes longer."),
            scene=job.scene.name,
        )


def override_support_findings(job: JobFacts, farm: FarmFacts) -> Iterator[Finding]:
    if job.has_overrides and not farm.knows_overrides:
        yield Finding(
            "overrides",
            Severity.ERROR,
            tr(
                "This Manager cannot change scenes before rendering, which RNA overrides, several"
                " cameras and single view layers need."
            ),
            tr("It is one of Flamenco 3; save such variants as scenes or files of their own."),
            scene=job.scene.name,
        )


def _major_minor(text: str) -> tuple[int, int] | None:
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2])) if match else None
