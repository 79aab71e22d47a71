"""What a handler may try against its platform, the checks, and the others: each is an attempt."""

from __future__ import annotations

import time

from labkit.services.functions.settings import Settings

API = """
    import http.client, os
    def call(method, path, body=None):
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=20)
        api.request(method, "/2018-06-01/runtime" + path, body)
        return api.getresponse().status
"""


def test_a_process_that_left_its_family_is_frozen_and_ended_too(deploy):
    function = deploy("""
        import mmap, os, signal, time
        shared = mmap.mmap(-1, 8)
        def escape():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for number in range(1, 65):
                        try: signal.signal(number, signal.SIG_IGN)
                        except (OSError, ValueError): pass
                    os.close(1), os.close(2)
                    while True:
                        shared[:] = (int.from_bytes(shared[:], "little") + 1).to_bytes(8, "little")
                        time.sleep(0.001)
                os._exit(0)
            os.wait()
        def handler(event, context):
            if event == "escape":
                escape()
            time.sleep(0.1)
            return int.from_bytes(shared[:], "little")
    """)
    function.invoke("escape")
    before = function.invoke("look").json()
    function.settled()
    time.sleep(1.0)  # the time in which it must not go on
    after = function.invoke("look").json()
    assert 0 < before < after
    assert after - before < 500
    function.remove()  # returns when nothing of it is left


def test_a_flood_of_connections_is_its_own_loss(deploy, space):
    function = deploy("""
        import os, socket
        held = []
        def handler(event, context):
            host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
            try:
                for _ in range(100):
                    held.append(socket.create_connection((host, int(port)), timeout=5))
            except OSError:
                pass
            return len(held)
    """)
    function.invoke({})
    other = space.deploy("other", {"handler.py": "def handler(event, context):\n    return 1\n"}, Settings(timeout=60))
    assert other.invoke({}).json() == 1


def test_a_body_without_end_is_not_read(deploy):
    function = deploy(
        API
        + """
    def handler(event, context):
        try:
            return call("POST", f"/invocation/{context.aws_request_id}/response", b"x" * 50_000_000)
        except OSError as error:
            return type(error).__name__
    """,
        memory=512,
    )
    assert function.invoke({}).json() in ("ConnectionResetError", "BrokenPipeError", "RemoteDisconnected")


def test_an_init_error_comes_too_late_after_init(deploy):
    function = deploy(API + "\n    def handler(event, context):\n        return call('POST', '/init/error', b'{}')\n")
    assert function.invoke({}).json() == 403
    assert function.invoke({}).ok


def test_a_fork_bomb_ends_with_its_instance(deploy):
    function = deploy("""
        import os, time
        def handler(event, context):
            while event == "bomb":
                try:
                    if os.fork() == 0:
                        time.sleep(600)
                except OSError:
                    time.sleep(0.2)
            return "fine"
    """, timeout=5.0)  # fmt: skip
    bombed = function.invoke("bomb")
    assert bombed.function_error
    assert function.invoke("look").json() == "fine"


def test_it_cannot_invoke_itself(deploy):
    """There is no way to the platform but the Runtime API: the door is gone, and the control socket was never there."""
    function = deploy("""
        import os
        def handler(event, context):
            return [name for root, _, names in os.walk("/run") for name in names]
    """)
    assert function.invoke({}).json() in ([], ["door"])  # its mount point may stay; nobody listens behind it
    knocks = deploy("""
        import glob, socket
        def handler(event, context):
            for door in glob.glob("/run/*/door"):
                try:
                    socket.socket(socket.AF_UNIX).connect(door)
                    return "let in"
                except OSError:
                    pass
            return "shut"
    """)
    assert knocks.invoke({}).json() == "shut"
