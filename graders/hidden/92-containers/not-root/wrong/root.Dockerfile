# fails: test_user_is_a_number — the Dockerfile of that night
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
CMD ["python", "/app/report.py"]
