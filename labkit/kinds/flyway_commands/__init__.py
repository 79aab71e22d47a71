"""The kind `flyway_commands`."""
