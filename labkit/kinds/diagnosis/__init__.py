"""Answers that say what is wrong in a cluster."""
