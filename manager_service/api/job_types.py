"""The scripts of job types: where each comes from, what it says, trying and changing it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from aiohttp import web

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.model import ErrorProblem
from flamenco_core.model.job_type_scripts import (
    BuiltInSelection,
    JobTypeCheck,
    JobTypeOrigin,
    JobTypeScript,
    JobTypeScripts,
    JobTypeSource,
    ScriptLanguage,
    WrittenFiles,
)
from manager_service.json_answers import empty_answer, json_answer, text_answer
from manager_service.routing import (
    BOOLEAN,
    TEXT,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    in_query,
    no_content,
    ok,
    text,
)
from manager_service.settings.etags import IF_MATCH, with_etag
from manager_service.settings.job_type_check import check_script
from manager_service.settings.job_type_files import ScriptFile, check_name, etag_of_source
from manager_service.settings.records import record

OPERATIONS = OperationTable("settings")

TYPE_NAME = in_path("typeName", TEXT, "The job type's name, such as simple-blender-render.")
BUILT_IN = in_query(
    "built_in", BOOLEAN, "The built-in script, even if the farm has one of its own.", default=False
)

_UNKNOWN = Answer(status=404, description="There is no such script.")
_CHANGED = Answer(status=412, description="Somebody has changed the script meanwhile.")
_ELSEWHERE = Answer(
    status=403,
    description="Python runs on the Manager with all its rights: as long as people do not sign in, "
    "it is only taken from the Manager's own machine.",
)


@OPERATIONS.operation(
    "fetchJobTypeScripts",
    "GET",
    "/job-types",
    role=Role.ARTIST,
    summary="Job types, and where their scripts come from",
    answers=[ok(JobTypeScripts, "By name; broken ones too, with what is wrong.")],
)
async def fetch_job_type_scripts(call: Call) -> web.StreamResponse:
    submissions, files = call.service.submissions, call.service.job_type_files
    compiler, threads = submissions.compiler, call.service.file_threads.own
    used = await threads.run(files.used)
    built_in = await threads.run(files.built_in)
    labels = {each.name: each.label for each in await submissions.threads.run(compiler.available)}
    problems = await submissions.threads.run(compiler.problems)
    rows = [
        await threads.run(partial(_described, file, built_in, labels, problems))
        for file in used.values()
        # A module that a script imports is no job type, and nothing is wrong with it.
        if file.name in labels or _about(file, problems)
    ]
    others = [each for each in problems if not any(_about(file, [each]) for file in used.values())]
    return json_answer(
        JobTypeScripts(
            job_types=sorted(rows, key=lambda row: row.name),
            folder=str(files.folder),
            problems=_as_sent(others),
        )
    )


@OPERATIONS.operation(
    "fetchJobTypeScript",
    "GET",
    "/job-types/{typeName}/script",
    role=Role.ARTIST,
    summary="The script of a job type",
    parameters=[TYPE_NAME, BUILT_IN],
    answers=[text("The script, with its `ETag`."), _UNKNOWN],
)
async def fetch_job_type_script(call: Call) -> web.StreamResponse:
    files, name, built_in = call.service.job_type_files, call.value(TYPE_NAME), call.value(BUILT_IN)
    source = await call.service.file_threads.own.run(
        lambda: files.find(name, built_in=built_in).source()
    )
    return with_etag(text_answer(source), etag_of_source(source))


@OPERATIONS.operation(
    "checkJobTypeScript",
    "POST",
    "/job-types/{typeName}/check",
    role=Role.ADMIN,
    summary="Try a script before it is saved",
    parameters=[TYPE_NAME],
    body=Body(json=JobTypeSource),
    answers=[ok(JobTypeCheck, "What is wrong with it, or what it is and makes."), _ELSEWHERE],
)
async def check_job_type_script(call: Call) -> web.StreamResponse:
    """Compiles a job with the given settings, or with made-up ones. Nothing is stored."""
    return json_answer(await _checked(call))


@OPERATIONS.operation(
    "saveJobTypeScript",
    "PUT",
    "/job-types/{typeName}/script",
    role=Role.ADMIN,
    summary="Save a script of the farm's own",
    parameters=[TYPE_NAME, IF_MATCH],
    body=Body(json=JobTypeSource),
    answers=[
        ok(JobTypeCheck, "It is on disk, and used from the next job on."),
        Answer(status=400, description="It cannot be used; all problems are named."),
        _ELSEWHERE,
        _CHANGED,
    ],
)
async def save_job_type_script(call: Call) -> web.StreamResponse:
    """Takes the place of a built-in job type of that name, until it is deleted. A script that
    cannot be used is refused; one that just makes nothing of made-up settings is not.
    """
    given, etag = call.body(JobTypeSource), call.value(IF_MATCH)
    name, files = call.value(TYPE_NAME), call.service.job_type_files
    check = await _checked(call)
    if check.problems:
        raise InvalidInput(
            "This script cannot be used",
            problems=[
                Problem(_where(each.line, each.column) or each.where, each.what, each.hint)
                for each in check.problems
            ],
        )
    async with call.service.job_type_files_lock:
        await call.service.file_threads.own.run(
            lambda: files.save(name, given.language, given.source, etag=etag)
        )
    etag = etag_of_source(given.source)
    await record(call, "job-type.save", name, language=given.language.value, etag=etag)
    return with_etag(json_answer(check), etag)


@OPERATIONS.operation(
    "deleteJobTypeScript",
    "DELETE",
    "/job-types/{typeName}/script",
    role=Role.ADMIN,
    summary="Delete a script of the farm's own",
    parameters=[TYPE_NAME, IF_MATCH],
    answers=[
        no_content("It is gone; a built-in job type of that name is used again."),
        _UNKNOWN,
        Answer(status=409, description="There is only the built-in one, which stays."),
        _CHANGED,
    ],
)
async def delete_job_type_script(call: Call) -> web.StreamResponse:
    files, name, etag = call.service.job_type_files, call.value(TYPE_NAME), call.value(IF_MATCH)
    async with call.service.job_type_files_lock:
        await call.service.file_threads.own.run(lambda: files.delete(name, etag=etag))
    await record(call, "job-type.delete", name)
    return empty_answer()


@OPERATIONS.operation(
    "writeBuiltInJobTypes",
    "POST",
    "/job-types/write-built-in",
    role=Role.ADMIN,
    summary="Write built-in scripts to disk, as a starting point",
    body=Body(json=BuiltInSelection, required=False),
    answers=[ok(WrittenFiles, "Where they are."), _UNKNOWN],
)
async def write_built_in_job_types(call: Call) -> web.StreamResponse:
    """To a folder beside that of the farm's own scripts; nothing there is used. What was there of
    the same name is written over.
    """
    selection: BuiltInSelection = call.payload or BuiltInSelection()
    files = call.service.job_type_files
    async with call.service.job_type_files_lock:
        written = await call.service.file_threads.own.run(
            lambda: files.write_built_in(selection.names)
        )
    folder = str(written[0].parent) if written else ""
    return json_answer(WrittenFiles(folder=folder, files=[path.name for path in written]))


async def _checked(call: Call) -> JobTypeCheck:
    given, name = call.body(JobTypeSource), call.value(TYPE_NAME)
    check_name(name)
    if given.language is ScriptLanguage.PYTHON:
        await call.service.access.admit(call.request, Role.ADMIN, is_sensitive=True)
    scripts = call.service.job_type_files.folder
    return await call.service.submissions.threads.run(lambda: check_script(name, given, scripts))


def _described(
    file: ScriptFile,
    built_in: Iterable[str],
    labels: dict[str, str],
    problems: list[Problem],
) -> JobTypeScript:
    own = _about(file, problems)
    is_usable = file.name in labels and not own
    is_custom = file.origin is JobTypeOrigin.CUSTOM
    return JobTypeScript(
        name=file.name,
        label=labels[file.name] if is_usable else "",
        origin=file.origin,
        is_customised=is_custom and file.name in built_in,
        language=file.language,
        file=str(file.path),
        etag=etag_of_source(file.source()),
        changed=file.changed(),
        is_usable=is_usable,
        problems=_as_sent(own),
    )


def _about(file: ScriptFile, problems: Iterable[Problem]) -> list[Problem]:
    path = str(file.path)
    return [
        each for each in problems if each.where == path or each.where.startswith(f"{path}, line ")
    ]


def _where(line: int | None, column: int | None) -> str:
    places = (("line", line), ("column", column))
    return ", ".join(f"{name} {number}" for name, number in places if number is not None)


def _as_sent(problems: Iterable[Problem]) -> list[ErrorProblem]:
    return [ErrorProblem(where=each.where, what=each.what, hint=each.hint) for each in problems]
