# fails: test_user_is_a_number — a name: a cluster cannot see that it is not root
%%answer image
FROM python:3.13-slim
RUN useradd --uid 10001 reports
ENV LOGNAME=reports TMPDIR=/reports
COPY app /app
USER reports
CMD ["python", "/app/report.py"]
