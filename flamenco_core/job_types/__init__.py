"""Job types: small scripts that turn the settings of a submitted job into tasks."""
