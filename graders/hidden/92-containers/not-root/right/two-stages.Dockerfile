# right: another stage compiles, root owns what is copied out of it
%%answer image
FROM python:3.13-slim AS build
COPY app /app
RUN python3 -m compileall -q /app
FROM python:3.13-slim
COPY --from=build /app /app
ENV LNAME=reports USERNAME=reports LOGNAME=reports
ENV TMPDIR /reports
USER 10001:0
ENTRYPOINT ["python3"]
CMD ["/app/report.py"]
