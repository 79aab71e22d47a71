# fails: test_size — removes the compiler in a later step: it is gone for a container, and stays in a layer
%%answer image
FROM course/python-build:3.13
WORKDIR /app
COPY . .
RUN pip install --no-build-isolation --no-index --no-cache-dir . && rm -rf src setup.py pyproject.toml build *.egg-info
RUN apt-get purge -y -qq gcc make cpp && apt-get autoremove -y -qq
CMD ["python", "find_depot.py"]
