# Names an image that would read this text, and so run inside the builder.
# lab: two-stages
# honest: 0
# says: no image that is offered here
# syntax=127.0.0.1:@PORT@/reader:1
FROM python:3.13-slim
