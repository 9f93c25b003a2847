"""The same job type in both languages makes the same job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import AvailableJobType
from tests.flamenco_core.job_types.javascript_scripts import JOB_ID
from tests.flamenco_core.job_types.scripts import CREATED, submission

IN_PYTHON = """
from flamenco_core.frames import cut_frames, frame_count
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    EvalInfo, JobType, Setting, format_timestamp_local
)

JOB_TYPE = JobType(
    label="Two of a kind",
    description="Renders, checks, and packs <it> & more",
    settings=[
        Setting("frames", "string", required=True, eval="f'{C.scene.frame_start}'",
                eval_info=EvalInfo(show_link_button=True, description="the scene's")),
        Setting("chunk_size", "int32", default=3, propargs={"min": 1, "soft_max": 9.5}),
        Setting("output", "string", subtype="dir_path", default="", visible="submission"),
        Setting("scale", "float", default=0.5, choices=None, editable=False),
        Setting("pack", "bool", label="Pack it"),
    ],
)


def compile_job(job):
    settings = job.settings
    settings.output = any_paths.join(settings.output, format_timestamp_local(job.created))
    job.metadata["frames"] = str(frame_count(settings.frames))
    renders = []
    for chunk in cut_frames(settings.frames, settings.chunk_size):
        task = job.task(f"render-{chunk}", type="blender", priority=50 + len(renders) % 3)
        args = ["--scale", settings.scale, "--render-frame", str(chunk).replace("-", "..")]
        task.command("blender-render", {"args": args, "nested": {"deep": [None, True]}}, len(chunk))
        renders.append(task)
    check = job.task("check", type="misc")
    check.command("echo", {"message": any_paths.basename(settings.output)})
    check.depends_on(*renders)
    if settings.pack:
        pack = job.task("pack", type="file-management")
        pack.command("copy-file", {"src": "a"}).depends_on(check)
"""

IN_JAVASCRIPT = """
const JOB_TYPE = {
    label: "Two of a kind",
    description: "Renders, checks, and packs <it> & more",
    settings: [
        { key: "frames", type: "string", required: true, eval: "f'{C.scene.frame_start}'",
          evalInfo: { showLinkButton: true, description: "the scene's" } },
        { key: "chunk_size", type: "int32", default: 3, propargs: { min: 1, soft_max: 9.5 } },
        { key: "output", type: "string", subtype: "dir_path", default: "", visible: "submission" },
        { key: "scale", type: "float", default: 0.5, editable: false },
        { key: "pack", type: "bool", label: "Pack it" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    settings.output = path.join(settings.output, formatTimestampLocal(job.created));
    job.metadata.frames = String(frameCount(settings.frames));
    const check = author.Task("check", "misc");
    check.addCommand(author.Command("echo", { message: path.basename(settings.output) }));
    frameChunker(settings.frames, settings.chunk_size).forEach((chunk, index) => {
        const task = author.Task(`render-${chunk}`, "blender");
        task.priority += index % 3;
        const args = ["--scale", settings.scale];
        args.push("--render-frame", chunk.replaceAll("-", ".."));
        const parameters = { args, nested: { deep: [null, true] } };
        task.addCommand(author.Command("blender-render", parameters, frameCount(chunk)));
        check.addDependency(task);
        job.addTask(task);
    });
    job.addTask(check);
    if (settings.pack) {
        const pack = author.Task("pack", "file-management");
        pack.addCommand(author.Command("copy-file", { src: "a" }));
        pack.addDependency(check);
        job.addTask(pack);
    }
}
"""


def library_with(folder: Path, file_name: str, source: str) -> JobTypeLibrary:
    folder.mkdir()
    (folder / file_name).write_text(source)
    return JobTypeLibrary([folder])


def test_the_definition_has_the_same_etag_in_both_languages(tmp_path: Path) -> None:
    kinds: list[AvailableJobType] = [
        library_with(tmp_path / "py", "twin.py", IN_PYTHON).get("twin"),
        library_with(tmp_path / "js", "twin.js", IN_JAVASCRIPT).get("twin"),
    ]
    assert kinds[0] == kinds[1]


def test_the_same_job_comes_out_of_both_languages(tmp_path: Path) -> None:
    libraries = [
        library_with(tmp_path / "py", "twin.py", IN_PYTHON),
        library_with(tmp_path / "js", "twin.js", IN_JAVASCRIPT),
    ]

    def compiled(library: JobTypeLibrary, **settings: object) -> CompiledJob:
        job = compile_job(
            library,
            submission("twin", **settings),
            job_id=JOB_ID,
            created=CREATED,
            new_id=lambda: str(uuid4()),
        )
        return replace(job, tasks=[replace(task, id="") for task in job.tasks])

    @given(
        st.lists(st.integers(0, 99), min_size=1, max_size=30).map(
            lambda frames: ",".join(map(str, frames))
        ),
        st.sampled_from(["", "reversed: ", "first-middle-last: "]),
        st.integers(1, 12),
        st.text(max_size=12).filter(lambda text: "\0" not in text),
        st.floats(0, 4),
        st.booleans(),
    )
    def check(frames: str, order: str, size: int, output: str, scale: float, pack: bool) -> None:
        settings = {"chunk_size": size, "output": output, "scale": scale, "pack": pack}
        first, second = (
            compiled(library, frames=order + frames, **settings) for library in libraries
        )
        assert first == second

    check()
