# fails: test_a_new_version_is_installed — names the packages by hand, with the versions of today
%%answer image
FROM python:3.13-slim
WORKDIR /srv
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=bind,source=packages,target=/packages \
    pip install --no-index --find-links /packages gridmap==2.4.0 routecost==1.9.2 timewindow==0.7.5
COPY app app
CMD ["python", "-m", "app.main"]
