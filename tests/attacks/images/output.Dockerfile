# Prints without end, for some seconds.
# lab: two-stages
# honest: 0
# says: ended with exit code 7
FROM python:3.13-slim
RUN timeout 5 yes "all of this is to be read, and kept" || exit 7
