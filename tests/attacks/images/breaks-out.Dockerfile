# Asks for what only a privileged step may: mounts, devices, the machine's processes and its engine.
# lab: two-stages
# honest: 0
# says: ended with exit code 7
FROM python:3.13-slim
RUN mount -t tmpfs none /mnt && exit 1; mknod /disk b 8 0 && head -c 1 /disk && exit 1; ls /var/run/docker.sock && exit 1; \
    kill -0 2 2>/dev/null && exit 1; exit 7
