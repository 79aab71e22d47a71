# right: a user with a name and a number; the name comes from the environment all the same
%%answer image
FROM python:3.13-slim
RUN useradd --uid 20000 --no-create-home --no-log-init reports
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
USER 20000:20000
CMD ["python", "/app/report.py"]
