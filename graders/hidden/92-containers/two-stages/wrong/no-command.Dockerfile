# fails: test_runs — nothing starts the program
%%answer image
FROM course/python-build:3.13 AS build
COPY . /src
RUN pip install --no-cache-dir --no-build-isolation --no-index --target /module /src
FROM python:3.13-slim
ENV PYTHONPATH=/module
COPY --from=build /module /module
COPY find_depot.py depots.csv /app/
