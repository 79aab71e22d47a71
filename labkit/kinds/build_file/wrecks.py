"""Files beside a Dockerfile that ruin everything: a script that cannot be run, that fails, or that never ends, and patterns that keep all out."""

from __future__ import annotations


def wrecks(solution: str) -> dict[str, str]:
    """Of both files: each is a bad one of its kind, and nonsense as the other."""
    return {
        "everything-out": "*\n**/*\n",
        "odd-patterns": "[\n***\n!!\n../..\n",
        "another-interpreter": "#!/no/such/program\n",
        "ends-at-once": "#!/bin/sh\nexit 0\n",
        "fails-at-once": "#!/bin/sh\nexit 7\n",
        "kills-all": "#!/bin/sh\nkill -9 -1\nkill -9 $$\n",
        "prints-much": "#!/bin/sh\nyes | head -c 50000000\n",
        "windows": solution.replace("\n", "\r\n"),
        "slow-to-end": "#!/bin/sh\ntrap '' TERM\nwhile true; do sleep 1; done\n",
    }
