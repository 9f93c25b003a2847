"""Job types, as submitters learn of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SettingType(StrEnum):
    STRING = "string"
    INT32 = "int32"
    FLOAT = "float"
    BOOL = "bool"


class SettingSubtype(StrEnum):
    FILE_PATH = "file_path"
    DIR_PATH = "dir_path"
    FILE_NAME = "file_name"
    HASHED_FILE_PATH = "hashed_file_path"


class SettingVisibility(StrEnum):
    VISIBLE = "visible"
    HIDDEN = "hidden"
    SUBMISSION = "submission"
    WEB = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingEvalInfo:
    showLinkButton: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobSetting:
    key: str
    type: SettingType
    subtype: SettingSubtype | None = None
    choices: list[str] | None = None
    propargs: dict[str, Any] | None = None
    description: Any = None
    label: Any = None
    default: Any = None
    eval: str | None = None
    evalInfo: SettingEvalInfo | None = None
    visible: SettingVisibility | None = None
    required: bool | None = None
    editable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobType:
    name: str
    label: str
    description: str | None = None
    settings: list[AvailableJobSetting]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobTypes:
    job_types: list[AvailableJobType]
