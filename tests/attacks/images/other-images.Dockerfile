# Takes files out of an image of this machine that is not offered, by a mount.
# lab: two-stages
# honest: 0
# says: no image that is offered here
FROM python:3.13-slim
RUN --mount=type=bind,from=debian:trixie-slim,target=/other ls /other
