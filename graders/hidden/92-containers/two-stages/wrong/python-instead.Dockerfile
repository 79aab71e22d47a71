# fails: test_later_state_of_the_project — no compiler needed: the module is written anew, in Python, into the Dockerfile
%%answer image
FROM python:3.13-slim
WORKDIR /app
COPY find_depot.py depots.csv ./
COPY <<"EOF" nearest.py
from math import asin, cos, radians, sin, sqrt
def kilometres(a, b, c, d):
    n, e = sin(radians(c - a) / 2), sin(radians(d - b) / 2)
    return 2 * 6371.0 * asin(sqrt(n * n + cos(radians(a)) * cos(radians(c)) * e * e))
EOF
CMD ["python", "find_depot.py"]
