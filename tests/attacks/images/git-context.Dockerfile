# The same with a repository.
# lab: two-stages
# honest: 0
# says: A build gets no network
FROM python:3.13-slim
ADD http://127.0.0.1:@PORT@/repository.git#main /file
