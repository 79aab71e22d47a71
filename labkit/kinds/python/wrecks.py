"""Programs that ruin everything: they end the process, never end, give what nobody asked for, or are none."""

from __future__ import annotations

import ast

BODIES = {
    "returns-nothing": "return None",
    "returns-an-object": "return object()",
    "returns-itself": "nest = []\nnest.append(nest)\nreturn nest",
    "returns-much": "return 'x' * 50_000_000",
    "ends-the-process": "import os\nos._exit(0)",
    "system-exit": "raise SystemExit(0)",
    "keyboard-interrupt": "raise KeyboardInterrupt",
    "kills-itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "recursion": "return (lambda f: f(f))(lambda f: f(f))",
    "raises": "raise RuntimeError('wrecked ' * 100_000)",
    "raises-what-cannot-be-shown": (
        "class Odd(Exception):\n    def __str__(self):\n        raise ValueError('no words')\nraise Odd"
    ),
    "prints-much": "print('x' * 50_000_000)",
    "all-memory": "return bytearray(1 << 40)",
    "closes-everything": "import os\nos.closerange(0, 256)",
    "slow-loop": "while True:\n    pass",
    "slow-sleep": "import time\ntime.sleep(100_000)",
}


def wrecks(solution: str) -> dict[str, str]:
    """Each function of the solution with another body; the functions gone, or something else; and a module that does not come up."""
    found = {f"each-{name}": with_bodies(solution, body) for name, body in BODIES.items()}
    return found | {
        "syntax-error": f"{solution}\ndef (:\n",
        "tabs-and-spaces": f"{solution}\nif True:\n\tx = 1\n        y = 2\n",
        "no-such-import": f"import wrecked_module\n{solution}",
        "no-function": without_functions(solution, ""),
        "no-callable": without_functions(solution, "{name} = 3\n"),
        "no-parameters": without_functions(solution, "def {name}():\n    return None\n"),
        "a-coroutine": without_functions(solution, "async def {name}(*args, **more):\n    return None\n"),
        "a-generator": without_functions(solution, "def {name}(*args, **more):\n    yield None\n"),
        "a-class": without_functions(solution, "class {name}:\n    def __init__(self, *args, **more):\n        pass\n"),
        "import-raises": "raise RuntimeError('at import')\n",
        "import-exits": "raise SystemExit(0)\n",
        "import-ends-the-process": "import os\nos._exit(0)\n",
        "import-prints-much": "print('x' * 50_000_000)\n" + without_functions(solution, ""),
        "slow-import": "while True:\n    pass\n",
    }


def with_bodies(solution: str, body: str) -> str:
    """Each top-level function keeps its name and takes anything; nothing of what it did is left."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return without_functions(solution, "def {name}(*args, **more):\n" + lines.replace("{", "{{").replace("}", "}}"))


def without_functions(solution: str, instead: str) -> str:
    """The module with `instead` in the place of each top-level function."""
    made = []
    for node in ast.parse(solution).body:
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        made.append(instead.format(name=node.name) if is_function else ast.unparse(node) + "\n")
    return "".join(made)
