"""Instances that are forked from a process that has imported their runtime: no function can tell, but by the time that its start takes."""

from __future__ import annotations

from tests.services.functions.conftest import Deploy

LOOKS = """
    import os, sys
    def handler(event, context):
        places = {}
        for place in ("/work/x", "/tmp/x", "/x"):
            places[place] = os.path.exists(place)
            try:
                open(place, "w").close()
            except OSError as error:
                places[place] = error.errno
        held = sorted(int(name) for name in os.listdir("/proc/self/fd"))
        return {"places": places, "variables": sorted(os.environ), "path": sys.path, "held": len(held), "name": __name__,
                "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())}
"""


def test_it_finds_what_any_instance_finds(backend, deploy: Deploy):
    found = []
    for warm in (False, True):
        function = deploy(LOOKS, warm=warm)
        found.append(function.invoke(1).json())
        assert function.history().reports[0].init_ms
    cold, forked = found
    if backend == "docker":  # there it is a container either way, and where it starts what first is chance
        del cold["processes"], forked["processes"]
    assert forked == cold


def test_its_memory_is_its_own(deploy: Deploy):
    """What the sandbox shares with it is not counted, and what it takes is."""
    keeps = """
        import time
        def handler(event, context):
            kept = bytearray(event * 2**20)
            time.sleep(0.1 if event < 200 else 60)
    """
    function = deploy(keeps, warm=True, memory=256)
    little, much = (function.invoke(mb).report.max_memory_mb for mb in (1, 60))
    assert 10 < little < 70
    assert 55 < much - little < 65
    assert "signal: killed" in function.invoke(300).payload


def test_the_next_one_has_nothing_of_the_last(deploy: Deploy):
    function = deploy(
        """
        import json, os, random
        drawn = random.random()
        def handler(event, context):
            seen = hasattr(json, "mark"), os.path.exists("/tmp/mark"), drawn
            json.mark = 1
            open("/tmp/mark", "w").close()
            return seen
        """,
        warm=True,
    )
    results = [result.json() for result in function.invoke_all(range(12))]
    assert [seen[:2] for seen in results] == 12 * [[False, False]]
    assert len({seen[2] for seen in results}) == 12


def test_it_is_frozen_killed_and_gone(deploy: Deploy):
    function = deploy("import time\ndef handler(event, context): time.sleep(event); return event", warm=True)
    assert function.invoke(0).ok
    function.settled()
    assert function.history().spans[-1].state == "frozen"
    assert function.invoke(0).instance == 1
    assert "signal: killed" in function.invoke(30, kill_after=0.05).payload
    assert function.invoke(0).instance == 2
    function.remove()  # returns when nothing of it is left


def test_a_burst_is_let_in(backend, deploy: Deploy):
    """Linux counts how many descriptors one user has on their way: an instance hands out its socket."""
    count = 150 if backend == "embedded" else 8
    function = deploy("def handler(event, context): return event", warm=True, concurrency=200, init_timeout=60)
    assert [result.json() for result in function.invoke_all(range(count))] == list(range(count))
