"""A Dockerfile, which BuildKit builds in the lab's project."""
