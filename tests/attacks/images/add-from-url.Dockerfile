# Has the builder fetch a file from a server on this machine, as `--network=none` binds RUN alone.
# lab: two-stages
# honest: 0
# says: A build gets no network
FROM python:3.13-slim
ADD http://127.0.0.1:@PORT@/file /file
