# right: a target folder, a stage by its number, and a last stage that is built on one of its own
%%answer image
FROM course/python-build:3.13
COPY setup.py pyproject.toml /src/
COPY src /src/src
RUN cd /src && pip install --no-cache-dir --no-build-isolation --no-index --target /lib-of-app .

FROM python:3.13-slim AS runtime
ENV PYTHONPATH=/lib-of-app PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 app

FROM runtime
COPY --from=0 --chown=10001 /lib-of-app /lib-of-app
COPY --chmod=644 find_depot.py depots.csv /
USER 10001
CMD python3 /find_depot.py
