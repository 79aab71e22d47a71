# Makes one layer of the whole context after the other, as many as the text has room for.
# lab: two-stages
# honest: 0
# says: The image was not built
FROM python:3.13-slim
@COPIES@
