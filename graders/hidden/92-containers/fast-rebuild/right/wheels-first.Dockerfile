# right: wheels are made with the cache in one stage, and installed from there in another
%%answer image
FROM python:3.13-slim AS wheels
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=packages,target=/packages \
    --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip wheel --no-index --find-links /packages --wheel-dir /wheels -r /requirements.lock
FROM python:3.13-slim
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels pip install --no-cache-dir --no-index /wheels/*.whl
COPY ./app/ /app/
CMD cd / && exec python3 -m app.main
