"""What runs in the MLflow server's own process: the public server, and a gate in front of it that gives each lab a place of its own.

It imports nothing of the course: on Docker this folder alone is in the image.
"""
