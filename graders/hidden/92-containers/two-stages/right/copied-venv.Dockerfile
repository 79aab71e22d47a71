# right: a virtual environment, copied as a whole to the same path
%%answer image
# syntax=docker/dockerfile:1
FROM course/python-build:3.13 AS build
WORKDIR /src
COPY . .
RUN python -m venv --system-site-packages /venv && /venv/bin/pip install --no-cache-dir --no-build-isolation --no-index .

FROM python:3.13-slim
COPY --from=build /venv /venv
WORKDIR /app
COPY find_depot.py depots.csv ./
CMD ["/venv/bin/python", "find_depot.py"]
