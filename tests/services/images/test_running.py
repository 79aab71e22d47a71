"""A container that is asked something, stopped, and looked after by its HEALTHCHECK."""

from __future__ import annotations

import time

import pytest

from labkit.services.images.caller import Caller
from labkit.services.images.place import Place
from tests.services.images.conftest import recipe

pytestmark = pytest.mark.docker
SERVE = "http.server 8000 --directory /etc"


def test_a_caller_gets_what_the_container_serves_and_hears_of_its_end(shared_place: Place):
    image = shared_place.build(
        recipe(f'CMD ["python3", "-m", {", ".join(f"{w!r}" for w in SERVE.split())}]'.replace("'", '"'))
    )
    with shared_place.start(image) as container, Caller(container) as caller:
        assert caller.get("/hostname", wait=20).status == 200
        assert caller.get("/nothing").status == 404
        stopped = container.stop(1)
        assert stopped.killed
        assert stopped.exit_code == 137
        assert stopped.seconds > 0.9
        assert caller.get("/hostname", seconds=2).error


def test_health_is_what_the_engine_found(shared_place: Place):
    plain = shared_place.build(recipe('CMD ["sleep", "100"]'), tag="plain")
    probed = shared_place.build(
        recipe("HEALTHCHECK --interval=1s --retries=1 CMD echo why; exit 3", 'CMD ["sleep", "100"]')
    )
    with shared_place.start(plain) as container:
        assert container.health().status == ""
    with shared_place.start(probed) as container:
        until = time.monotonic() + 60
        while (found := container.health()).status != "unhealthy" and time.monotonic() < until:
            time.sleep(0.1)
        assert found.status == "unhealthy"
        assert found.failed
        assert str(found.failed) == "the last probe ended with 3: why"
