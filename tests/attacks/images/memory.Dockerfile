# Takes all the memory that it gets, in many processes that are each small.
# lab: two-stages
# honest: 0
# says: The image was not built
FROM python:3.13-slim
RUN for i in $(seq 40); do python3 -c "import time; x = bytearray(60_000_000); time.sleep(5)" || echo killed >> /killed & done; wait; test ! -s /killed
