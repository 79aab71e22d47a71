# fails: test_nothing_but_the_program — the archives were copied, and pip's cache stays in a layer
%%answer image
FROM python:3.13-slim
WORKDIR /srv
COPY requirements.lock .
COPY packages packages
RUN pip install --no-index --find-links packages -r requirements.lock
COPY app app
CMD ["python", "-m", "app.main"]
