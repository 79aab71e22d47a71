"""The seam to nbgrader: marks, feedback, locks, and what is read from its gradebook."""
