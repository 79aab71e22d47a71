"""The server around the functions: spaces end with whoever holds them, wrong requests are told what is wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from labkit.machine.fault import ServiceFault
from labkit.services.functions.client import Space
from labkit.services.functions.settings import Settings

HANDLER = {"handler.py": "def handler(event, context):\n    return event\n"}


def instances() -> int:
    """How many processes of instances there are below us."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            found += "awslambdaric" in " ".join(process.cmdline())
    return found


def test_a_space_ends_with_the_process_that_holds_it(platform):
    program = f"""
from labkit.services.functions.client import Space
space = Space({str(platform.socket)!r})
space.deploy("f", {HANDLER!r}).invoke_all([1, 2])
print(space.name, flush=True)
input()
"""
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline().startswith("space-")
    assert instances() > 0
    holder.kill()
    holder.wait()
    until = time.monotonic() + 60
    while instances() and time.monotonic() < until:
        time.sleep(0.02)
    assert instances() == 0


def test_spaces_do_not_see_each_other(platform):
    with Space(platform.socket) as one, Space(platform.socket) as other:
        one.deploy("f", HANDLER)
        with pytest.raises(ServiceFault, match="There is no function 'f' here"):
            other.ask("invoke", name="f", events=["1"])


def test_a_space_is_reset(platform):
    with Space(platform.socket) as space:
        function = space.deploy("f", HANDLER)
        function.invoke(1)
        space.reset()
        assert instances() == 0
        with pytest.raises(ServiceFault, match="Deploy it first"):
            function.invoke(1)


def test_deploying_again_replaces_code_and_instances(platform):
    with Space(platform.socket) as space:
        space.deploy("f", HANDLER).invoke(1)
        changed = space.deploy("f", {"handler.py": "def handler(event, context):\n    return 'new'\n"})
        assert changed.invoke(1).json() == "new"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"timeout": 0}, "The setting timeout is 0. It may be from 0.001 to 900 seconds."),
        ({"memory": 4096}, "The setting memory is 4096. It may be from 64 to 3008 MB."),
        ({"memory": "large"}, "The setting memory is 'large'"),
        ({"retries": 3}, "It may be from 0 to 2 retries"),
        ({"handler": "handler"}, "names no function"),
    ],
)
def test_settings_are_looked_at(settings, said: str):
    with pytest.raises(ServiceFault, match=said.replace(".", r"\.")):
        Settings(**settings)


def test_a_setting_that_there_is_not():
    with pytest.raises(ServiceFault, match="There is no setting 'colour'"):
        Settings.from_json({"colour": 1})
