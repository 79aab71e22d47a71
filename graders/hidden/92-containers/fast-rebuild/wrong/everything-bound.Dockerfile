# fails: test_a_changed_line_installs_nothing — a bind mount of the whole project: the cache compares all of it
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=bind,target=/src \
    pip install --no-index --find-links /src/packages -r /src/requirements.lock
COPY app app
CMD ["python", "-m", "app.main"]
