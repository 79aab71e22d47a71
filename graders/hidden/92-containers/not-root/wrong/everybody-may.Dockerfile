# fails: test_nobody_can_change_the_program — chmod 777, so that it works for everybody
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
RUN chmod -R 777 /app
USER 10001
CMD ["python", "/app/report.py"]
