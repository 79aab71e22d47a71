# right: a heredoc and a target folder; lock and packages are shown to the step from a stage that holds nothing else
%%answer image
FROM scratch AS wanted
COPY requirements.lock /
COPY packages /packages

FROM python:3.13-slim
ENV PYTHONPATH=/packages-of-app
RUN --mount=type=cache,target=/root/.cache --mount=type=bind,from=wanted,target=/wanted <<EOF
set -e
pip install --no-index --find-links /wanted/packages --target /packages-of-app -r /wanted/requirements.lock
EOF
COPY app /code/app
WORKDIR /code
ENTRYPOINT ["python3"]
CMD ["-m", "app.main"]
