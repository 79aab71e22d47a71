"""What a check is written with, and the warm process that runs checks."""
