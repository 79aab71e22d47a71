# right: a virtual environment of a first stage, whose cache has a name and another place
%%answer image
# syntax=docker/dockerfile:1.4
FROM python:3.13-slim AS deps
ENV PIP_CACHE_DIR=/var/tmp/pip
RUN python3 -m venv /venv
WORKDIR /build
COPY requirements.lock .
COPY packages packages
RUN --mount=type=cache,id=wheels,target=/var/tmp/pip,sharing=locked \
    /venv/bin/pip install --no-index --find-links packages -r requirements.lock

FROM python:3.13-slim
COPY --from=deps /venv /venv
WORKDIR /srv
COPY app app
CMD ["/venv/bin/python", "-m", "app.main"]
