# Starts processes that start processes, in a step of the build.
# lab: two-stages
# honest: 0
# says: The image was not built
FROM python:3.13-slim
RUN bomb() { bomb | bomb & }; bomb; sleep 15; exit 1
