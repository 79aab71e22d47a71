"""The kind `client`."""
