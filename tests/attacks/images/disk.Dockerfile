# Fills the disk with many files, each of which is small enough.
# lab: two-stages
# honest: 0
# says: MB to the disk, and was stopped
FROM python:3.13-slim
RUN for i in $(seq 20); do head -c 200000000 /dev/zero > /f$i; sleep 0.5; done; exit 1
