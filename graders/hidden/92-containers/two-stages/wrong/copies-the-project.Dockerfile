# fails: test_nothing_of_the_build — two stages, and the last one copies the whole project
%%answer image
FROM course/python-build:3.13 AS build
WORKDIR /src
COPY . .
RUN python -m venv --system-site-packages /venv && /venv/bin/pip install --no-build-isolation --no-index --no-cache-dir .
FROM python:3.13-slim
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
CMD ["/venv/bin/python", "find_depot.py"]
