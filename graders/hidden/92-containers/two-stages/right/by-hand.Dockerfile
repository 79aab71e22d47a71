# right: gcc by hand, in a heredoc; the one file that it makes is copied next to the program
%%answer image
ARG PYTHON=3.13
FROM course/python-build:${PYTHON} AS compiler
COPY src /src
RUN <<EOF
set -e
include=$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
suffix=$(python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
mkdir /out
gcc -O2 -shared -fPIC -I "$include" -I /src /src/*.c -lm -o "/out/nearest$suffix"
EOF

FROM python:${PYTHON}-slim
COPY --from=compiler /out /opt/depot
COPY find_depot.py depots.csv /opt/depot/
ENTRYPOINT ["python3", "/opt/depot/find_depot.py"]
