"""What this machine offers: a Docker engine or none, users, and the way to say that something of the course failed on it."""
