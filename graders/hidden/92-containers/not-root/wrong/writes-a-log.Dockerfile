# fails: test_writes_nowhere_else — a log in a folder that happens to be writable
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
USER 10001
CMD echo started > /tmp/log 2>/dev/null; exec python3 /app/report.py
