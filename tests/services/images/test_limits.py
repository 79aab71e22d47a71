"""What a build may use: each limit is met from inside."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labkit.services.images.failure import BuildFailed
from labkit.services.images.limits import Limits
from tests.services.images.conftest import recipe


def test_memory_of_all_its_programs_together(new_place):
    """A single one, and several that are small."""
    place = new_place(Limits(memory_mb=96))
    with pytest.raises(BuildFailed, match=r"exit code 137.*96 MB"):
        place.build(recipe("RUN python3 -c 'x = bytearray(200_000_000)'"))
    many = "for i in 1 2 3 4 5 6; do python3 -c 'import time; x = bytearray(30_000_000); time.sleep(1); print(len(x))' & done; wait"
    with pytest.raises(BuildFailed):
        place.build(recipe(f"RUN {many}", 'RUN test "$(echo all went well)" = "one was killed"'))


def test_processes(new_place):
    """A fork bomb cannot fork any more, and ends with the build."""
    place = new_place(Limits(pids=32, seconds=6))
    with pytest.raises(BuildFailed):
        place.build(recipe("RUN bomb() { bomb | bomb & }; bomb; sleep 600"))
    listed = subprocess.run(
        ["docker", "top", place._room.container.id], capture_output=True, text=True, check=True
    ).stdout
    assert "bomb" not in listed


def test_time(new_place):
    """A build that goes on is stopped, and so is its step."""
    place = new_place(Limits(seconds=2))
    with pytest.raises(BuildFailed, match="still running after 2 s"):
        place.build(recipe("RUN sleep 601"))
    assert "sleep 601" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_one_file(new_place):
    """It ends at the limit."""
    with pytest.raises(BuildFailed, match="a file of more than 5 MB"):
        new_place(Limits(file_mb=5)).build(recipe("RUN head -c 6000000 /dev/zero > /large"))


def test_the_disk(new_place):
    """Many files, each within its own limit; what they took is free again afterwards."""
    place = new_place(Limits(disk_mb=300, file_mb=50, seconds=120))
    fill = "i=0; while true; do head -c 40000000 /dev/zero > /f$i; i=$((i+1)); sleep 0.05; done"
    with pytest.raises(BuildFailed, match="more than 300 MB to the disk"):
        place.build(recipe(f"RUN {fill}"))


def test_output_without_end_is_read_and_dropped(new_place):
    """Memory does not grow with it."""
    import resource

    place = new_place(Limits(seconds=5))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BuildFailed, match="still running"):
        place.build(recipe("RUN yes this is one line of very many"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, sys.platform


def test_a_container_has_no_network_no_capability_and_limits(place):
    """Seen from inside."""
    say = (
        "ls /sys/class/net; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /x 2>&1; touch /tmp/x && echo written"
    )
    image = place.build(recipe(f"CMD {say}"))
    said = place.run(image, tmpfs=["/tmp"]).stdout
    assert said.split("\n")[0] == "lo"
    assert "CapEff:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "Read-only file system" in said
    assert said.strip().endswith("written")


def test_a_container_that_does_not_end_is_killed(place):
    """And told from one that ended."""
    ran = place.run(place.build(recipe("CMD sleep 600")), seconds=1)
    assert ran.timed_out
    assert not ran.ok
