# fails: test_only_the_new_version_is_compiled — a cache mount, and pip is told to use no cache
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=packages,target=/packages --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-cache-dir --no-index --find-links /packages -r /requirements.lock
COPY app app
CMD ["python", "-m", "app.main"]
