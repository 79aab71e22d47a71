# fails: test_size — the Dockerfile of that Monday
%%answer image
FROM course/python-build:3.13
WORKDIR /app
COPY . .
RUN pip install --no-build-isolation --no-index .
CMD ["python", "find_depot.py"]
