"""MLflow for the labs: one server, and in it a place of its own for each lab and each answer."""
