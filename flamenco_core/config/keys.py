"""Every setting of `flamenco-manager.yaml`: its key, the field of `Config` it sets, how it is read.

The keys are Flamenco 3's. What only Flamenco 2 had is read under the name it had there; where
Flamenco 3 renamed a setting, the old name is read too. Settings of parts that this Manager does
not have are named in a warning, with the reason. What the settings are for stands in
`descriptions`.
"""

from __future__ import annotations

from flamenco_core import failure_share
from flamenco_core.config import values
from flamenco_core.config.key import Key
from flamenco_core.config.settings import Authentication

VERSION = "_meta.version"

_GARBAGE = "shaman.garbageCollect"
_PERCENTAGE = values.count(failure_share.LOWEST, failure_share.HIGHEST)

KEYS: tuple[Key, ...] = (
    Key("manager_name", "manager_name", values.text, is_live=True),
    Key("database", "database", values.path),
    Key("database_check_period", "database_check_period", values.duration),
    Key("listen", "listen", values.listen_address),
    Key("listen_https", "tls.listen", values.listen_address_or_nothing),
    Key("own_url", "own_url", values.url("http", "https")),
    Key("trusted_proxies", "trusted_proxies", values.listed(values.network)),
    Key("tlskey", "tls.key", values.path_or_nothing),
    Key("tlscert", "tls.certificate", values.path_or_nothing),
    Key("acme_domain_name", "tls.acme_domain_name", values.domain_name),
    Key("acme_directory_url", "tls.acme_directory_url", values.url("https")),
    Key("acme_email", "tls.acme_email", values.text_or_nothing),
    Key("acme_key_id", "tls.acme_key_id", values.text_or_nothing),
    Key("acme_hmac_key", "tls.acme_hmac_key", values.base64url, is_secret=True),
    Key("autodiscoverable", "autodiscoverable", values.boolean, ("ssdp_discovery",)),
    Key("ssdp_device_uuid", "ssdp_device_uuid", values.device_uuid),
    Key("discovery_interfaces", "discovery_interfaces", values.listed(values.ip_address)),
    Key("authentication", "authentication", values.one_of(Authentication)),
    Key(
        "worker_registration_secret",
        "worker_registration_secret",
        values.exact_text,
        is_secret=True,
        is_live=True,
    ),
    Key("time_zone", "time_zone", values.time_zone),
    Key(
        "local_manager_storage_path",
        "local_manager_storage_path",
        values.path,
        ("task_logs_path",),
    ),
    Key("shared_storage_path", "shared_storage_path", values.path_or_nothing),
    Key("shaman.enabled", "shaman_enabled", values.boolean),
    Key("shaman.fileStorePath", "shaman_file_store", values.path_or_nothing),
    Key("shaman.checkoutPath", "shaman_checkouts", values.path_or_nothing),
    Key(f"{_GARBAGE}.period", "shaman_garbage_period", values.duration),
    Key(f"{_GARBAGE}.maxAge", "shaman_garbage_max_age", values.duration, is_live=True),
    Key(
        f"{_GARBAGE}.unusedCheckoutMaxAge",
        "shaman_checkout_max_age",
        values.duration,
        is_live=True,
    ),
    Key(
        f"{_GARBAGE}.extraCheckoutPaths",
        "shaman_extra_checkouts",
        values.listed(values.path),
        is_live=True,
    ),
    Key("file_browser_roots", "file_browser_roots", values.listed(values.path), is_live=True),
    Key("watch_for_latest_image", "watch_for_latest_image", values.path_or_nothing),
    Key(
        "task_timeout",
        "task_timeout",
        values.duration,
        ("active_task_timeout_interval", "active_task_timeout_interval_seconds"),
        is_live=True,
    ),
    Key("task_progress_timeout", "task_progress_timeout", values.duration, is_live=True),
    Key("task_total_timeout", "task_total_timeout", values.duration, is_live=True),
    Key(
        "worker_timeout",
        "worker_timeout",
        values.duration,
        ("active_worker_timeout_interval", "active_worker_timeout_interval_seconds"),
        is_live=True,
    ),
    Key(
        "blocklist_threshold",
        "blocklist_threshold",
        values.count(1),
        ("blacklist_threshold",),
        is_live=True,
    ),
    Key(
        "task_fail_after_softfail_count",
        "task_fail_after_softfail_count",
        values.count(1),
        is_live=True,
    ),
    Key("job_fail_percentage", "job_fail_percentage", _PERCENTAGE, is_live=True),
    Key(
        "job_fail_percentage_by_type",
        "job_fail_percentage_by_type",
        values.named(_PERCENTAGE),
        is_live=True,
    ),
    Key("job_retention", "job_retention", values.duration, is_live=True),
    Key("job_archive_after", "job_archive_after", values.duration, is_live=True),
    Key("audit_retention", "audit_retention", values.duration, is_live=True),
    Key("worker_cleanup_max_age", "worker_cleanup_max_age", values.duration, is_live=True),
    Key(
        "worker_cleanup_status",
        "worker_cleanup_status",
        values.listed(values.worker_status),
        is_live=True,
    ),
    Key("mqtt.client.enabled", "mqtt.enabled", values.boolean),
    Key(
        "mqtt.client.broker",
        "mqtt.broker",
        values.url("mqtt", "mqtts", "tcp", "tls", "ssl", "ws", "wss"),
    ),
    Key("mqtt.client.clientID", "mqtt.client_id", values.text),
    Key("mqtt.client.topic_prefix", "mqtt.topic_prefix", values.topic_beginning),
    Key("mqtt.client.username", "mqtt.username", values.text_or_nothing),
    Key("mqtt.client.password", "mqtt.password", values.exact_text, is_secret=True),
    Key("flamenco", "upstream.url", values.url("https", "http")),
    Key("manager_id", "upstream.manager_id", values.text_or_nothing),
    Key("manager_secret", "upstream.manager_secret", values.exact_text, is_secret=True),
    Key("download_task_sleep", "upstream.download_interval", values.duration),
    Key("download_task_recheck_throttle", "upstream.download_throttle", values.any_duration),
    Key("task_update_push_max_interval", "upstream.push_interval", values.duration),
    Key("task_update_push_max_count", "upstream.push_count", values.count(1)),
    Key("cancel_task_fetch_max_interval", "upstream.cancel_interval", values.duration),
)

_MONGO = "this Manager keeps its farm in the file that 'database' names"
WITHOUT_MEANING = {
    "mode": "there is only one mode",
    "database_url": _MONGO,
    "database_path": _MONGO,
    "task_cleanup_max_age": "tasks stay until their job is deleted",
    "test_tasks": "there are no test tasks; submit a small job instead",
    "user_authentication": "it is replaced by 'authentication'",
    "dynamic_pool_platforms": "pools of cloud machines are not supported",
    "websetup": "there is no separate setup mode",
}
"""Settings of Flamenco 2 that nothing here reads, and why."""

BY_PATH = {key.path: key for key in KEYS}
BY_OLD_NAME = {old: key for key in KEYS for old in key.old_names}
BY_ENVIRONMENT_NAME = {key.environment_name: key for key in KEYS}

OTHER_ENVIRONMENT_NAMES = frozenset(
    {"FLAMENCO_HOME", "FLAMENCO_WORKER_NAME", "FLAMENCO_MANAGER", "FLAMENCO_DEBUG"}
)
"""Read by the other programs of this project."""
