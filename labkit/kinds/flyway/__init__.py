"""The kind `flyway`."""
