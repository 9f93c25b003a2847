"""The document, the routes and Flamenco 3's API must agree, apart from what is listed here."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from manager_service.api import all_operations
from manager_service.openapi import openapi_document
from manager_service.routing import API, Role
from manager_service.serving import UNKNOWN_PATH, add_operations, refuse_unknown
from tests.manager_service import flamenco3_contract as flamenco3

OURS_ONLY = {
    "getStorage": "Flamenco 3 looks after no disks.",
    "tryVariables": "Flamenco 3 has variables that cannot be tried.",
    "fetchWorkerSettings": "Flamenco 3's workers know only what stands in their own file.",
    "changeWorkerAbilities": "Flamenco 3's workers say only at sign-on what they can do.",
    "reportTasks": "Flamenco 3's workers send updates one by one, and ask for each task.",
    **dict.fromkeys(
        (
            *("fetchJobStatistics", "fetchJobAttempts", "fetchJobFrameStatistics"),
            *("fetchStatistics", "fetchWorkerStatistics", "fetchFarmOverview"),
            *("storeHostStatistics", "fetchHostStatistics"),
        ),
        "Flamenco 3 keeps no statistics.",
    ),
    **dict.fromkeys(
        (
            *("fetchSavedQueries", "saveQuery", "replaceQuery", "deleteQuery"),
            *("saveSharedQuery", "replaceSharedQuery", "deleteSharedQuery"),
        ),
        "Flamenco 3 cannot search, so that there is nothing to save.",
    ),
    **dict.fromkeys(
        ("fetchExtensionIndex", "fetchExtensionFile"),
        "Flamenco 3 has no Blender extension.",
    ),
    **dict.fromkeys(
        ("fetchWorkerPackageInfo", "fetchWorkerPackage"),
        "Flamenco 3's workers are downloaded from its own site.",
    ),
    **dict.fromkeys(
        ("listFolder", "listImageSequence", "fetchFile"),
        "Flamenco 3 shows no files but logs and thumbnails.",
    ),
    "fetchWorkerBlocks": "Flamenco 3 shows block lists by job only.",
    "fetchAuditLog": "Flamenco 3 does not record who did what.",
    **dict.fromkeys(
        (
            *("fetchJobTypeScripts", "fetchJobTypeScript", "checkJobTypeScript"),
            *("saveJobTypeScript", "deleteJobTypeScript", "writeBuiltInJobTypes"),
        ),
        "Flamenco 3 leaves scripts to those who can get at its folder.",
    ),
    **dict.fromkeys(
        (
            *("getSettings", "changeSettings", "getConfigurationText"),
            *("replaceConfigurationText", "restartManager"),
        ),
        "Flamenco 3 has no answer that explains its settings, and restarts only after its set-up.",
    ),
    "skipSetupAssistant": "Flamenco 3 asks again until it is set up.",
    "getNetwork": "Flamenco 3 writes its addresses to its log only.",
    "followEvents": "Flamenco 3 tells what happens over Socket.IO, which is no operation.",
    **dict.fromkeys(
        (
            *("getLiveness", "getReadiness", "getMetrics"),
            *("fetchBackgroundWork", "runBackgroundWork"),
        ),
        "Flamenco 3 tells nobody how it is doing.",
    ),
    "fetchTaskLog": "Flamenco 3 serves log files under /job-files; ours are files and rows.",
    "fetchJobLastRenderedImage": "Flamenco 3 serves thumbnails under /job-files, undocumented.",
    "fetchJobMetadataKeys": "Flamenco 3 cannot search by metadata.",
    "fetchJobMetadataValues": "Flamenco 3 cannot search by metadata.",
    **dict.fromkeys(
        (
            *("logIn", "logOut", "whoAmI", "changeOwnPassword", "fetchUsers", "addUser"),
            *("changeUser", "deleteUser", "resetPassword", "addTokenForUser"),
            *("fetchTokens", "addToken", "revokeToken"),
        ),
        "Flamenco 3 has no accounts.",
    ),
    **dict.fromkeys(
        ("actOnJob", "actOnJobs", "actOnTask", "actOnTasks", "actOnWorker", "actOnWorkers"),
        "Flamenco 3 asks for statuses, of one thing at a time, and has no preview.",
    ),
    **dict.fromkeys(
        (
            *("fetchJobWhyNot", "fetchWorkerWhyNot"),
            *("fetchJobPlan", "fetchFarmPlan", "planJob"),
        ),
        "Flamenco 3 does not explain its scheduler.",
    ),
    "fetchJobRnaOverrides": "Flamenco 3 has no overrides.",
    "setJobRnaOverrides": "Flamenco 3 has no overrides.",
    "deleteJobMassWhatWouldItDo": "Flamenco 3 tells it of one job only.",
    "findIds": "Flamenco 3 wants whole ids.",
    "eraseShamanCheckout": "Flamenco 3 keeps what was made for jobs that were never submitted.",
}

NEVER_SENT = {
    ("setJobStatus", 422): "Flamenco 3 never sends it; a move that is not legal is a 409.",
    ("setTaskStatus", 422): "Flamenco 3 never sends it; a move that is not legal is a 409.",
    ("setJobTag", 422): "Flamenco 3 sends 406 for an unknown tag; ours is a 400 that names it.",
    ("setJobPriority", 422): "Flamenco 3 never sends it; a bad number is a 400, as there.",
}

OTHER_FORM = {
    "SecurityError": "Every refusal is an Error, which has the message of a SecurityError too.",
}

OTHER_NAME = {
    "AvailableJobSettingType": "SettingType",
    "AvailableJobSettingSubtype": "SettingSubtype",
    "AvailableJobSettingVisibility": "SettingVisibility",
    "ManagerVariableAudience": "Audience",
}
"""Names of schemas are no part of the wire."""

ABSENT_FIELDS = {
    ("Job", "type_etag"): "Flamenco 3 never sends it.",
    ("Job", "initial_status"): "Flamenco 3 never sends it.",
}

OPTIONAL_IN_REQUESTS = {
    ("SubmittedJob", "priority"): "It has a default.",
}

RUNTIME_DEVIATIONS: dict[tuple[str, str], tuple[int, int, str]] = {
    # (operation, case): (what Flamenco 3 sends against its own document, what we send, why)
    ("shamanFileStore", "stored"): (200, 204, "As documented; clients take any 2xx."),
    ("shamanCheckout", "files are missing"): (500, 424, "As documented; clients handle it."),
    ("shamanCheckout", "the path is taken"): (200, 200, "A suffix is added: clients rely on it."),
    ("shamanCheckout", "Shaman is off"): (503, 503, "The same; there is no other."),
    ("scheduleTask", "the credentials are wrong"): (403, 403, "Workers know no 401."),
    ("scheduleTask", "the worker is not awake"): (409, 409, "The same, with an Error."),
    ("registerWorker", "the database is busy"): (503, 503, "The same, with Retry-After."),
    ("submitJob", "the body does not fit"): (400, 400, "The same; the Error has a code too."),
    ("getJobType", "the type is unknown"): (404, 404, "The same."),
    ("fetchJob", "the id is no UUID"): (400, 400, "The same."),
    ("fetchJob", "the job is unknown"): (404, 404, "The same."),
    ("requestWorkerStatusChange", "it cannot restart"): (412, 409, "412 is for a wrong etag."),
    # What is no image gets 202 from Flamenco 3, which looks later; ours is the documented 415.
    ("taskOutputProduced", "the task is unknown"): (404, 404, "The same, with an Error."),
    ("fetchWorkers", "the client went away"): (418, 503, "Nobody is left to read either."),
}
"""Where Flamenco 3 differs from its document, we do so only if its clients would fail otherwise."""

FILLED_FIELDS = {
    ("RegisteredWorker", "status"): "Flamenco 3 sends an empty text, which its enum does not have.",
    ("Job", "submitter_platform"): "Flamenco 3 always sends an empty text.",
}
"""Fields that have a value here; an unset `worker` of a task has empty ones, as in Flamenco 3."""

DOCUMENT = openapi_document(all_operations(), version="v1.0")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OBJECT_FORMS = [
    name for name in flamenco3.FORMS if flamenco3.fields(name) and name not in OTHER_FORM
]
REQUEST_FORMS = {body.removesuffix("?") for _, body, _ in flamenco3.OPERATIONS.values()} & set(
    OBJECT_FORMS
)


def documented() -> dict[str, dict[str, Any]]:
    """The operations of the document by id, with method and path added."""
    return {
        operation["operationId"]: {**operation, "route": f"{method.upper()} {path}"}
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def form_of(answer: dict[str, Any]) -> str:
    """What the contract's table would call the form of a body."""
    for media_type, content in answer.get("content", {}).items():
        if media_type == "application/json":
            return type_of(content["schema"])
        return str(media_type)
    return ""


def type_of(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("type") == "array":
        return f"[{type_of(schema['items'])}]"
    values = schema.get("additionalProperties")
    return f"{{{type_of(values) if isinstance(values, dict) else 'any'}}}"


def test_every_route_is_documented_and_every_documented_operation_has_a_route() -> None:
    app = web.Application()
    add_operations(app, all_operations(), service=None)  # type: ignore[arg-type]
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert routes == {operation["route"] for operation in documented().values()}


def test_the_catch_all_route_is_named_as_aiohttp_names_it() -> None:
    app = web.Application()
    route = app.router.add_route("*", "/{unknown:.*}", refuse_unknown)
    assert route.resource is not None
    assert route.resource.canonical == UNKNOWN_PATH


def test_operation_ids_are_unique() -> None:
    names = [operation.name for operation in all_operations()]
    assert len(names) == len(set(names))


def test_every_operation_says_which_role_it_needs() -> None:
    for operation in all_operations():
        entry = documented()[operation.name]
        assert entry["x-role"] == operation.role
        assert f"Role: `{operation.role}`" in entry["description"]
        assert ("own machine only" in entry["description"]) == operation.is_sensitive
        assert entry.get("x-sensitive", False) is operation.is_sensitive
        schemes = {scheme for way in entry["security"] for scheme in way}
        if operation.role is Role.ANYONE:
            assert entry["security"] == []
        elif operation.role is Role.WORKER:
            assert schemes == {"worker_auth"}
        else:
            assert schemes == {"session", "token"}


def test_without_accounts_people_need_no_credentials() -> None:
    document = openapi_document(all_operations(), version="1", has_accounts=False)
    ways = document["paths"][f"{API}/jobs"]["get"]["security"]
    assert {} in ways
    assert {"token": ["viewer"]} in ways
    assert document["paths"][f"{API}/worker/task"]["post"]["security"] == [{"worker_auth": []}]
    assert {scheme for way in ways for scheme in way} < set(
        document["components"]["securitySchemes"]
    )


def test_only_the_listed_operations_are_unknown_to_flamenco_3() -> None:
    assert set(documented()) == set(flamenco3.OPERATIONS) | set(OURS_ONLY)


@pytest.mark.parametrize("name", flamenco3.OPERATIONS)
def test_the_operation_is_as_in_flamenco_3(name: str) -> None:
    route, body, answers = flamenco3.OPERATIONS[name]
    ours = documented()[name]
    method, _, path = route.removesuffix("+").partition(" ")
    assert ours["route"] == f"{method} {API}{path}"
    assert ({"worker_auth": []} in ours["security"]) == route.endswith("+")
    if body == "binary":
        assert "application/octet-stream" in ours["requestBody"]["content"]
    elif body == "image":
        assert {"image/jpeg", "image/png"} <= set(ours["requestBody"]["content"])
    elif body:
        wanted = body.removesuffix("?")
        assert form_of(ours["requestBody"]) == flamenco3.plain(wanted)
        assert ours["requestBody"]["required"] or body.endswith("?")
    else:
        assert not ours.get("requestBody", {}).get("required"), "a new body has to be optional"
    for status, form in answers.items():
        if status == flamenco3.DEFAULT:
            continue
        if (name, status) in NEVER_SENT:
            assert str(status) not in ours["responses"]
            continue
        answer = ours["responses"][str(status)]
        if form in OTHER_FORM:
            assert form_of(answer) in ("Error", form)
        elif form or status < 400:
            assert form_of(answer) == flamenco3.plain(form)


@pytest.mark.parametrize("name", OBJECT_FORMS)
def test_the_form_has_flamenco_3s_fields(name: str) -> None:
    ours = SCHEMAS[OTHER_NAME.get(name, name)]
    required = set(ours.get("required", ()))
    for field in flamenco3.fields(name):
        if (name, field.name) in ABSENT_FIELDS:
            assert field.name not in ours["properties"]
            continue
        assert field.name in ours["properties"]
        if field.is_required and (name, field.name) not in OPTIONAL_IN_REQUESTS:
            assert field.name in required


@pytest.mark.parametrize("name", sorted(REQUEST_FORMS))
def test_a_request_that_flamenco_3_accepts_has_all_that_we_require(name: str) -> None:
    theirs = {field.name for field in flamenco3.fields(name) if field.is_required}
    assert set(SCHEMAS[name].get("required", ())) <= theirs


@pytest.mark.parametrize("name", flamenco3.ENUMS)
def test_the_enum_has_exactly_flamenco_3s_members(name: str) -> None:
    ours = SCHEMAS.get(OTHER_NAME.get(name, name)) or audience_of_the_path()
    assert sorted(ours["enum"]) == flamenco3.ENUMS[name].split()


def audience_of_the_path() -> dict[str, Any]:
    schema: dict[str, Any] = documented()["getVariables"]["parameters"][0]["schema"]
    return schema


def test_docstrings_and_limits_of_the_model_reach_the_document() -> None:
    submitted = SCHEMAS["SubmittedJob"]["properties"]
    assert submitted["priority"]["minimum"] == 0
    assert submitted["priority"]["maximum"] == 100
    assert submitted["priority"]["default"] == 50
    assert "Platform" in submitted["submitter_platform"]["description"]
    assert "another one may try" in SCHEMAS["TaskStatus"]["description"]
    assert "description" not in SCHEMAS["JobsQueryResult"], "a signature is no description"


@pytest.mark.parametrize(("operation", "case"), RUNTIME_DEVIATIONS)
def test_a_status_that_flamenco_3_sends_undocumented_is_documented_if_we_send_it(
    operation: str, case: str
) -> None:
    theirs, ours, reason = RUNTIME_DEVIATIONS[operation, case]
    assert reason
    responses = documented()[operation]["responses"]
    assert str(ours) in responses or "default" in responses
    if theirs != ours:
        assert str(theirs) not in responses


@pytest.mark.parametrize(("form", "field"), FILLED_FIELDS)
def test_a_field_that_flamenco_3_leaves_empty_is_always_there(form: str, field: str) -> None:
    assert field in SCHEMAS[form]["required"]
