"""What a build may fetch: the images that the lab offers, and nothing else from anywhere.

`--network=none` binds only RUN steps: BuildKit itself would still fetch for ADD, FROM, `COPY --from` and `# syntax=`. Its source
policy refuses that, whatever the Dockerfile's text looks like.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from labkit.machine.fault import ServiceFault
from labkit.services.images.engine import Engine

VARIABLE = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"
REFUSED = "denied by policy"
PROBE = "FROM scratch\nADD http://127.0.0.1:9/nothing /\n"  # the port that discards: nobody listens


def write(path: Path, images: Iterable[str]) -> dict[str, str]:
    """Writes the policy that allows these local images (`repository:tag`), and returns the variable that names it."""
    rules = [_rule("DENY", "*"), _rule("ALLOW", "local://*")]
    for image in images:
        rules += [
            _rule("ALLOW", f"docker-image://docker.io/{image}"),
            _rule("ALLOW", f"docker-image://docker.io/{image}@*"),
        ]
    path.write_text(json.dumps({"rules": rules}))
    return {VARIABLE: str(path)}


def check(engine: Engine, folder: Path) -> None:
    """Raises ServiceFault unless the engine keeps to the policy: an engine or a buildx that does not know it says nothing."""
    variable = write(folder / "probe.policy.json", ())
    environment = {**engine.environment, **variable}
    done = engine.build(PROBE, "--progress=plain", "--network=none", env=environment, timeout=60)
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0 or REFUSED not in said:
        words = said.strip().splitlines()[-1:] or ["nothing"]
        raise ServiceFault(
            "This Docker cannot keep a build from fetching things from the network, so no Dockerfile is built here. It said: "
            f"{words[0][:300]} Update Docker (engine 24, buildx 0.13 or later), then run `labkit doctor`."
        )


def _rule(action: str, identifier: str) -> dict[str, object]:
    return {"action": action, "selector": {"identifier": identifier, "matchType": "WILDCARD"}}
