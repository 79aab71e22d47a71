# fails: test_a_changed_line_installs_nothing — the Dockerfile of that Friday
%%answer image
FROM python:3.13-slim
WORKDIR /srv
COPY . .
RUN pip install --no-index --find-links packages -r requirements.lock
CMD ["python", "-m", "app.main"]
