# fails: test_nothing_of_the_build — copies the wheel into the last stage and leaves it there
%%answer image
FROM course/python-build:3.13 AS build
COPY . /src
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels /src
FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-index --no-cache-dir /wheels/*.whl
COPY find_depot.py depots.csv /app/
CMD ["python", "/app/find_depot.py"]
