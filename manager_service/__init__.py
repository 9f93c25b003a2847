"""The Manager as a service: HTTP in front of one `flamenco_core.manager.Manager`."""
