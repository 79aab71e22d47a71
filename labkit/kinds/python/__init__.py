"""The kind `python`."""
