# fails: test_reports_as_its_own_user — a number has no name in the image
%%answer image
FROM python:3.13-slim
ENV TMPDIR=/reports
COPY app /app
USER 10001
CMD ["python", "/app/report.py"]
