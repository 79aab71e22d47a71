# fails: test_what_is_not_in_the_image_changes_nothing — packages first, and then the whole project
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=packages,target=/packages --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-index --find-links /packages -r /requirements.lock
COPY . .
CMD ["python", "-m", "app.main"]
