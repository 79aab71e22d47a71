# fails: test_later_state_for_everybody — only root and its group may read the program
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
RUN chmod -R o-rwx /app
USER 10001:0
CMD ["python", "/app/report.py"]
