# fails: test_later_state_for_everybody — copies the files of today
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY app/report.py app/orders.csv /app/
USER 10001
CMD ["python", "/app/report.py"]
