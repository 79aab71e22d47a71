# right: the last stage is one layer made of the slim image and the module
%%answer image
FROM course/python-build:3.13 AS build
COPY . /src
RUN pip install --no-cache-dir --no-build-isolation --no-index --prefix /made /src && mv /made/lib/python3*/*-packages /module 2>/dev/null || mv /made/local/lib/python3*/*-packages /module

FROM python:3.13-slim AS slim
COPY --from=build /module /module
COPY find_depot.py depots.csv /app/

FROM scratch
COPY --from=slim / /
ENV PYTHONPATH=/module PATH=/usr/local/bin:/usr/bin:/bin
CMD ["python3", "/app/find_depot.py"]
