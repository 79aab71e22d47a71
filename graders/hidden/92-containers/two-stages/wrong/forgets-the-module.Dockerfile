# fails: test_runs — the last stage has the program, and nothing of the first one
%%answer image
FROM course/python-build:3.13 AS build
COPY . /src
RUN pip install --no-build-isolation --no-index /src
FROM python:3.13-slim
COPY find_depot.py depots.csv /app/
CMD ["python", "/app/find_depot.py"]
