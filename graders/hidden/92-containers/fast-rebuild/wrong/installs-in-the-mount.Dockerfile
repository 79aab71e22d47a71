# fails: test_what_left_the_lock_is_gone — the whole environment is in a cache mount, and copied out of it: it only ever grows
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/kept --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=packages,target=/packages --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-index --find-links /packages --upgrade --target /kept -r /requirements.lock && cp -r /kept /environment
ENV PYTHONPATH=/environment
COPY app app
CMD ["python", "-m", "app.main"]
