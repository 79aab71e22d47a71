"""The kind `alembic`."""
