"""Settings that ruin everything: no YAML, YAML that is too much, and values of every other type."""

from __future__ import annotations

from labkit.kinds.function_settings.answers import RANGES, REPORTS

VALUES = {
    "null": "null",
    "negative": "-1",
    "text": "'512'",
    "not-a-number": ".nan",
    "endless": ".inf",
    "yes": "true",
    "a-list": "[[1], {a: b}]",
    "a-date": "2026-07-04",
    "enormous": "9" * 1000,
}


def wrecks(solution: str) -> dict[str, str]:
    """Each setting with a value of each kind, and texts that make trouble to who reads them."""
    found = {
        f"each-{name}": "\n".join(f"{key}: {value}" for key in (*RANGES, REPORTS)) for name, value in VALUES.items()
    }
    layers = "\n".join(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(20))
    return found | {
        "least-of-all": "MemorySize: 128\nBatchSize: 1\n",
        "most-of-all": "MemorySize: 3008\nBatchSize: 10000\nMaximumBatchingWindowInSeconds: 300\n",
        "deep": "MemorySize: " + "[" * 900,
        "laughs": f"x0: &x0 1\n{layers}\nMemorySize: *x20\n",
        "itself": "MemorySize: &me [*me]\n",
        "odd-keys": "? [1, 2]\n: 3\n? {a: b}\n: 4\n",
        "tags": "MemorySize: !!python/object/apply:os.system [exit]\n",
        "two-documents": f"{solution}\n---\n{solution}",
    }
