# fails: test_only_the_new_version_is_compiled — the order is right, and each change of the lock compiles everything
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=bind,source=packages,target=/packages --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-cache-dir --no-index --find-links /packages -r /requirements.lock
COPY app app
CMD ["python", "-m", "app.main"]
