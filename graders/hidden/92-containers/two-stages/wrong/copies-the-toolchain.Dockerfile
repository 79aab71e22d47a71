# fails: test_no_compiler — the last stage takes all of /usr, to be on the safe side
%%answer image
FROM course/python-build:3.13 AS build
COPY . /src
RUN pip install --no-cache-dir --no-build-isolation --no-index --target /module /src
FROM python:3.13-slim
COPY --from=build /usr /usr
COPY --from=build /module /module
ENV PYTHONPATH=/module
COPY find_depot.py depots.csv /app/
CMD ["python", "/app/find_depot.py"]
