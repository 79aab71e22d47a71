# fails: test_later_state_of_the_project — compiles the one file that is there today
%%answer image
FROM course/python-build:3.13 AS build
COPY src /src
RUN include=$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])') \
 && suffix=$(python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))') \
 && mkdir /out && gcc -O2 -shared -fPIC -I "$include" /src/nearest.c -lm -o "/out/nearest$suffix"
FROM python:3.13-slim
COPY --from=build /out /app
COPY find_depot.py depots.csv /app/
CMD ["python", "/app/find_depot.py"]
