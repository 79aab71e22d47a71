# fails: test_reports_as_its_own_user — Python finds no place for its temporary file
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports
COPY app /app
USER 10001
CMD ["python", "/app/report.py"]
