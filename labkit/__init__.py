"""The course's library: services, the notebook side, the grading engine, authoring and the command line."""
