"""Diagnoses that ruin everything: no YAML, YAML that is too much, values of every other type, and lines that quote everything."""

from __future__ import annotations

from labkit.kinds.diagnosis.answers import FIELDS
from labkit.kinds.diagnosis.incident import CAUSES, SERVICES

VALUES = {
    "null": "null",
    "number": "7",
    "not-a-number": ".nan",
    "yes": "true",
    "a-list": "[[1], {a: b}]",
    "a-date": "2026-03-15",
    "one-sign": "'.'",
    "many-signs": "'" + "%s\\d(?" * 60 + "'",
}


def wrecks(solution: str) -> dict[str, str]:
    """Each field with a value of each kind, and texts that make trouble to who reads them."""
    found = {
        f"each-{name}": "incident: 2\n"
        + "".join(f"{program}: {{{', '.join(f'{field}: {value}' for field in FIELDS)}}}\n" for program in SERVICES)
        for name, value in VALUES.items()
    }
    layers = "\n".join(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 9)}]" for n in range(20))
    everything = " ".join(f"{name} {cause.sign}" for name, cause in CAUSES.items())
    return found | {
        "no-such-incident": solution.replace("incident:", "incident: 4711 #"),
        "incident-alone": "incident: 2\n",
        "incident-is-true": solution.replace("incident:", "incident: true #"),
        "quotes-everything": "incident: 2\n"
        + "".join(f"{name}: {{cause: key, object: pod/{name}, proof: {everything[:600]!r}}}\n" for name in SERVICES),
        "deep": "incident: " + "[" * 900,
        "laughs": f"x0: &x0 1\n{layers}\nincident: *x20\n",
        "itself": "incident: &me [*me]\n",
        "odd-keys": "? [1, 2]\n: 3\n? {a: b}\n: 4\n",
        "tags": "incident: !!python/object/apply:os.system [exit]\n",
        "two-documents": f"{solution}\n---\n{solution}",
    }
