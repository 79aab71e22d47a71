"""The kind `migrate`."""
