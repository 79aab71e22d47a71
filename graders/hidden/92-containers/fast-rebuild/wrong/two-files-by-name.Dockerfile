# fails: test_a_new_file_installs_nothing — copies the files of the program by name, those of today
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=packages,target=/packages --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-index --find-links /packages -r /requirements.lock
COPY app/__init__.py app/main.py app/greeting.py app/
CMD ["python", "-m", "app.main"]
