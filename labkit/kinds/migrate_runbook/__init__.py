"""The kind `migrate_runbook`."""
