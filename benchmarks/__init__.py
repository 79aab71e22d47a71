"""The measurements behind every number in the docs. `make bench` runs them all and prints one table."""
