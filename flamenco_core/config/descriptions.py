"""What the settings are for, in the words of the documentation, by section."""

from __future__ import annotations

from collections.abc import Mapping

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "The Manager": {
        "manager_name": "what the farm is called",
        "time_zone": (
            "the zone of the times in sleep schedules, such as `Europe/Amsterdam`; empty: "
            "the machine's own"
        ),
        "database": "the file that holds the farm",
        "database_check_period": "how often that file is checked",
    },
    "Network": {
        "listen": ("where to listen: `host:port`; without a host on every address of the machine"),
        "listen_https": (
            "where to listen for HTTPS, when there is a certificate; empty: in the place of "
            "`listen`"
        ),
        "own_url": (
            "where others reach this Manager, if that cannot be told from `listen`; see "
            "[names](#names)"
        ),
        "trusted_proxies": (
            "addresses and networks of reverse proxies whose `X-Forwarded-…` headers are believed"
        ),
        "tlskey": "files of a certificate of one's own; both are needed",
        "tlscert": "files of a certificate of one's own; both are needed",
        "acme_domain_name": "a name for which Let's Encrypt issues a certificate",
        "acme_directory_url": "another certificate authority to ask for it, by ACME",
        "acme_email": "where that writes when something is wrong with the certificate",
        "acme_key_id": "what that handed out, if it serves only those it knows already",
        "acme_hmac_key": "what that handed out, if it serves only those it knows already",
        "autodiscoverable": "whether workers find this Manager by themselves",
        "ssdp_device_uuid": "what tells this Manager from others then; empty: the farm's own id",
        "discovery_interfaces": (
            "addresses of this machine on whose networks it can be found; empty: all that `listen` "
            "covers"
        ),
    },
    "Access": {
        "authentication": (
            "`none` trusts everybody in the network; `local` knows people by accounts kept here"
        ),
        "worker_registration_secret": (
            "what new workers must know; empty: any may register, with accounts none by itself"
        ),
    },
    "Storage": {
        "shared_storage_path": "the folder that Manager, workers and artists share",
        "local_manager_storage_path": "the folder of task logs and thumbnails",
        "file_browser_roots": "folders that people may look into, beside the shared storage",
        "watch_for_latest_image": "a folder whose newest image is shown as the last rendered one",
    },
    "Shaman": {
        "shaman.enabled": "whether submitted files are kept by content, each once",
        "shaman.fileStorePath": "where those lie, if not in `file-store` in the shared storage",
        "shaman.checkoutPath": "where jobs' files appear, if not in `jobs` in the shared storage",
        "shaman.garbageCollect.period": "how often files that no job uses are looked for",
        "shaman.garbageCollect.maxAge": "how long they stay",
        "shaman.garbageCollect.unusedCheckoutMaxAge": (
            "how long a checkout stays that no job was submitted with, at least an hour; `0s`: for "
            "ever"
        ),
        "shaman.garbageCollect.extraCheckoutPaths": "more folders whose links count as use",
    },
    "Time-outs": {
        "task_timeout": "how long a task may be silent",
        "task_progress_timeout": "how long a task may go without completing a step",
        "task_total_timeout": "how long a task may take",
        "worker_timeout": "how long a worker may be silent",
    },
    "Failures": {
        "blocklist_threshold": (
            "failures of a worker in one job and task type before it gets no more of them"
        ),
        "task_fail_after_softfail_count": (
            "workers that must fail at a task before it fails for good"
        ),
        "job_fail_percentage": "the share of failed tasks at which a job fails",
        "job_fail_percentage_by_type": (
            "other shares for some job types: `simple-blender-render: 25`; a job may have its own"
        ),
    },
    "Retention": {
        "job_retention": (
            "jobs that have been done for so long are deleted, unless they are archived"
        ),
        "job_archive_after": "jobs that have been done for so long are archived",
        "audit_retention": "how long the audit log goes back; 0 for ever",
        "worker_cleanup_max_age": "workers that were not seen for so long are forgotten",
        "worker_cleanup_status": "if they have one of these statuses",
    },
    "MQTT": {
        "mqtt.client.enabled": "whether events are sent to an MQTT broker",
        "mqtt.client.broker": "its address, such as `mqtt://broker:1883`",
        "mqtt.client.clientID": "the name to use there",
        "mqtt.client.topic_prefix": "put before each topic",
        "mqtt.client.username": "if the broker wants them",
        "mqtt.client.password": "if the broker wants them",
    },
    "Flamenco Server": {
        "flamenco": "the Flamenco Server to take tasks from, when the next two are set",
        "manager_id": "what this Manager is called there, and what proves it",
        "manager_secret": "what this Manager is called there, and what proves it",
        "download_task_sleep": "how often tasks are fetched from it",
        "download_task_recheck_throttle": (
            "at most so often because there are none left; negative: never for that"
        ),
        "task_update_push_max_interval": "how often it is told what happened",
        "task_update_push_max_count": "with at most so much at once",
        "cancel_task_fetch_max_interval": "how often it is asked what to cancel",
    },
}
"""The keys of a section come in the order in which people should see them."""

MEANINGS: Mapping[str, str] = {
    path: meaning for section in SECTIONS.values() for path, meaning in section.items()
}
