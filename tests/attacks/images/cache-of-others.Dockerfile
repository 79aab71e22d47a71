# Looks for what another learner left in a cache mount of a name that everybody uses, or in another one's by its full name.
# lab: two-stages
# honest: 0
# says: ended with exit code 7
FROM python:3.13-slim
RUN --mount=type=cache,id=@NEIGHBOUR@/everybody,target=/a --mount=type=cache,id=everybody,target=/b \
    --mount=type=cache,id=../@NEIGHBOUR@/everybody,target=/c ls -A /a /b /c | grep -q secret || exit 7
