"""Modules that ruin everything, in the ways of any program in Python."""

from labkit.kinds.python.wrecks import wrecks

__all__ = ["wrecks"]
