"""Dockerfiles that ruin everything: they do not build, build for ever, or build what does nothing."""

from __future__ import annotations

import re

STEP = re.compile(r"^(RUN|COPY|ADD|CMD|ENTRYPOINT)\b", re.MULTILINE)


def wrecks(solution: str) -> dict[str, str]:
    """Steps that fail, that are missing, or that leave an image without its program."""
    first = next((line for line in solution.splitlines() if line.startswith("FROM")), "FROM scratch")
    image = " ".join(first.split()[:2])
    return {
        "no-such-instruction": f"{solution}\nWRECK everything\n",
        "no-such-image": f"FROM wrecked.invalid/nothing:0\n{solution}",
        "no-such-stage": f"{solution}\nCOPY --from=wrecked / /\n",
        "no-such-file": f"{solution}\nCOPY wrecked.txt /\n",
        "from-itself": f"FROM wrecked AS wrecked\n{solution}",
        "no-from": STEP.sub(r"# \1", solution).replace("FROM", "# FROM"),
        "fails": f"{solution}\nRUN false\n",
        "prints-much": f"{solution}\nRUN yes | head -c 50000000; false\n",
        "only-the-base": f"{image}\n",
        "nothing-in-it": 'FROM scratch\nCMD ["/nothing"]\n',
        "ends-at-once": f'{solution}\nENTRYPOINT []\nCMD ["true"]\n',
        "fails-at-once": f'{solution}\nENTRYPOINT []\nCMD ["false"]\n',
        "cannot-start": f'{solution}\nENTRYPOINT ["/no/such/program"]\n',
        "nobody": f"{solution}\nUSER wrecked\n",
        "elsewhere": f"{solution}\nWORKDIR /wrecked\n",
        "all-files-gone": f"{image}\nRUN rm -rf /usr /etc /lib || true\n",
        "unfinished": f"{solution}\nRUN echo \\\n",
        "many-steps": f"{image}\n" + "RUN true\n" * 300,
        "odd-names": f"{image} AS 'wre$(touch x)cked'\n",
        "slow-build": f"{solution}\nRUN while true; do :; done\n",
        "slow-and-large": f"{image}\nRUN cat /dev/zero > /wrecked\n",
        "slow-to-stop": f'{image}\nCMD ["sh", "-c", "trap \'\' TERM; while true; do sleep 1; done"]\n',
    }
