# fails: test_nobody_can_change_the_program — the usual chown: the process may change what it runs
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY --chown=10001 app /app
USER 10001
CMD ["python", "/app/report.py"]
