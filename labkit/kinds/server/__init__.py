"""The kind `server`."""
