# fails: test_reports_as_anybody — the name comes from the list of users, which knows one number only
%%answer image
FROM python:3.13-slim
RUN useradd --uid 10001 --no-log-init reports
ENV TMPDIR=/reports
COPY app /app
USER 10001
CMD ["python", "/app/report.py"]
