# fails: test_nobody_can_change_the_program — read-only files, which their owner can make writable again
%%answer image
FROM python:3.13-slim
ENV LOGNAME=reports TMPDIR=/reports
COPY --chown=10001 app /app
RUN chmod -R a-w /app
USER 10001
CMD ["python", "/app/report.py"]
