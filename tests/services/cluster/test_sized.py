"""What of a Deployment's fit is certain, and what a busy machine leaves open. No cluster is needed."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.kinds.answer import Wrong
from labkit.kinds.manifest.sized import Certain, Sized, share
from labkit.machine.fault import ServiceFault

REFUSED = 'pods "shop-1-a" is forbidden: exceeded quota: team, requested: requests.memory=150Mi'


class Told(Sized):
    """A Deployment as it is told, on a machine that is too busy to judge anything."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(None, "shop", "shop")  # type: ignore[arg-type]
        self.told = told

    def object(self) -> dict[str, Any]:
        """As it was told."""
        return self.told

    def on_a_busy_machine(self) -> bool:
        """It is."""
        return True


def rolling(unavailable: int | str, surge: int | str, replicas: int = 3) -> Told:
    """With this strategy."""
    update = {"maxUnavailable": unavailable, "maxSurge": surge}
    return Told({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": update}}})


@pytest.mark.parametrize(
    ("unavailable", "surge", "replicas", "missing"),
    [
        ("25%", "25%", 3, 0),  # the defaults, of three
        ("25%", "25%", 1, 0),
        ("34%", 0, 3, 1),
        (1, 1, 3, 1),
        ("25%", 0, 3, 1),  # both nothing: Kubernetes takes one
        ("25%", "0%", 3, 1),
        ("100%", 0, 3, 3),
    ],
)
def test_how_many_may_be_missing(unavailable: int | str, surge: int | str, replicas: int, missing: int) -> None:
    assert rolling(unavailable, surge, replicas).may_be_missing() == missing


def test_all_may_be_missing_when_they_are_made_again() -> None:
    assert Told({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}}).may_be_missing() == 3


def test_a_share_is_of_the_replicas() -> None:
    assert [share(value, 4) for value in (2, "50%", "0%")] == [2, 2, 0]


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        ("True", REFUSED, "exceeded quota: team, requested: requests.memory=150Mi"),
        ("False", REFUSED, ""),
        ("True", "status unknown for quota: team, resources: requests.memory", ""),
        ("True", "something else", "something else"),
    ],
)
def test_a_refusal_in_the_words_of_the_quota(status: str, message: str, words: str) -> None:
    condition = {"type": "ReplicaFailure", "status": status, "message": message}
    assert Told({"status": {"conditions": [condition]}}).refusal() == words
    assert Told({}).refusal() == ""


def test_a_busy_machine_leaves_open_what_took_long_and_nothing_else() -> None:
    def fails(wrong: Wrong) -> Any:
        def scene() -> None:
            raise wrong

        return scene

    with pytest.raises(ServiceFault, match="too busy"):
        Told({}).judge(fails(Wrong("It took too long.")))
    with pytest.raises(Certain, match="killed"):
        Told({}).judge(fails(Certain("It was killed.")))
