"""`flamenco-manager.yaml`: what it may say, and `Config`, what the program works with.

The file has Flamenco 3's form; those of Flamenco 2 are read too. Over the file stands the
environment: `FLAMENCO_TASK_TIMEOUT=20m` is `task_timeout: 20m`, and
`FLAMENCO_SHAMAN_GARBAGE_COLLECT_PERIOD` is `period` in `garbageCollect` in `shaman`. Every problem
is reported at once, each with its line; an unknown key is one, with the nearest known name.
"""

from __future__ import annotations

from flamenco_core.config.file import ConfigFile
from flamenco_core.config.reading import (
    DEFAULT_FILE_NAME,
    FILE_VERSION,
    load_config,
    parse_config,
)
from flamenco_core.config.settings import (
    DEFAULT_VARIABLES,
    Authentication,
    Config,
    MqttClient,
    Tls,
    Upstream,
)

__all__ = [
    "DEFAULT_FILE_NAME",
    "DEFAULT_VARIABLES",
    "FILE_VERSION",
    "Authentication",
    "Config",
    "ConfigFile",
    "MqttClient",
    "Tls",
    "Upstream",
    "load_config",
    "parse_config",
]
