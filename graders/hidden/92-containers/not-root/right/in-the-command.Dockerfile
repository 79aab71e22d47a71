# right: the two variables are set by the command, in a shell that the program replaces
%%answer image
FROM python:3.13-slim
WORKDIR /srv/reports
COPY app .
USER 2000000000
ENTRYPOINT exec env TMPDIR=/reports USER=reports LOGNAME=reports PYTHONDONTWRITEBYTECODE=1 python3 report.py
