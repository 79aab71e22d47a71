"""The kind `build_file`."""
