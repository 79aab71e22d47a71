"""Incidents, the lines that prove them, and how a diagnosis is read."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from types import SimpleNamespace

import pytest
import yaml

from labkit.course import CourseError
from labkit.kinds.answer import AnswerError
from labkit.kinds.diagnosis.answers import incident_of, read
from labkit.kinds.diagnosis.happen import number_for, own_number
from labkit.kinds.diagnosis.incident import CAUSES, LAST, SERVICES, STAGES, Fault, causes_in, incident, objects
from labkit.kinds.diagnosis.steps import listed, noticed
from labkit.kinds.diagnosis.told import Thing, Told, same, thing
from labkit.kinds.diagnosis.wrecks import wrecks

FORM = "{name}:\n  cause: {cause}\n  object: pod/{name}\n  proof: |\n    a line of {name}\n"
WHOLE = "incident: 7\n" + "".join(FORM.format(name=name, cause="image") for name in SERVICES)


def test_each_incident_has_a_mistake_at_each_step():
    for number in range(1, LAST + 1):
        causes = [fault.cause for fault in incident(number).faults.values()]
        assert all(len(set(stage) & set(causes)) == 1 for stage in STAGES)
        assert incident(number) == incident(number)


def test_each_cause_and_each_place_come_up():
    drawn = [(name, fault.cause) for n in range(1, LAST + 1) for name, fault in incident(n).faults.items()]
    counts = Counter(drawn)
    assert len(counts) == len(SERVICES) * len(CAUSES)
    assert min(counts.values()) > LAST / 20


def test_a_mistake_is_in_one_object():
    """What is wrong with one program is in its own manifest, and in nothing else."""
    for number in range(1, 30):
        found = incident(number)
        healthy = {name: objects(name, {}) for name in SERVICES}
        for name, fault in found.faults.items():
            assert objects(name, fault.values) != healthy[name]
        assert len(list(yaml.safe_load_all(found.manifest()))) == 2 * len(SERVICES)


@pytest.mark.parametrize(
    ("fault", "line", "proves"),
    [
        (Fault("image", "shop:1.O"), 'Failed to pull image "shop:1.O": not found', True),
        (Fault("image", "shop:1.O"), 'failed to resolve reference "docker.io/library/shop:1.O": no such host', True),
        (Fault("image", "shop:1.O"), 'Back-off pulling image "shop:1.O"', True),
        (Fault("image", "shop:1.O"), 'Pulling image "shop:1.O"', False),
        (Fault("image", "shop:1.O"), "Error: ErrImagePull", False),
        (Fault("port", "8080"), "TargetPort:               8080/TCP", True),
        (Fault("port", "8080"), "  targetPort: 8080", True),
        (Fault("port", "8080"), "Endpoints:                10.244.0.7:8080", True),
        (Fault("port", "8080"), "TargetPort:               http/TCP", False),
        (Fault("selector", "spring"), "Selector:                 app=menu,release=spring", True),
        (Fault("selector", "spring"), "  release: spring", True),
        (Fault("selector", "spring"), "Selector:                 app=menu,release=march", False),
        (Fault("name", "stock.a.b"), '{"event": "no database", "url": "http://stock.a.b/readyz", "error": "-2"}', True),
        (Fault("name", "stock.a.b"), "Readiness probe failed: HTTP probe failed with statuscode: 503", False),
        (Fault("key", "price"), "Error: couldn't find key price in ConfigMap broken-at-three/terms", True),
        (Fault("key", "price"), "CreateContainerConfigError", False),
    ],
)
def test_what_proves_a_mistake(fault: Fault, line: str, proves: bool):
    assert bool(fault.sign.search(line)) == proves


def test_a_line_of_many_causes_is_known():
    assert causes_in("TargetPort: web/TCP exceeded quota: team") == ["quota", "port"]
    assert causes_in("Endpoints: 10.244.0.7:8080") == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pod/menu-7c5ddbdf54-x2b9k", Thing("pod", "menu")),
        ("po/menu", Thing("pod", "menu")),
        ("Pods menu-7c5ddbdf54-x2b9k", Thing("pod", "menu")),
        ("replicaset.apps/kitchen-58f4b958ff", Thing("replicaset", "kitchen")),
        ("svc/till", Thing("service", "till")),
        ("the menu's pod", None),
        ("menu", None),
        ("/", None),
    ],
)
def test_an_object_is_known_by_any_of_its_names(written: str, meant: Thing | None):
    assert thing(written) == meant


@pytest.mark.parametrize(
    ("quoted", "said", "are_the_same"),
    [
        (
            'pods "menu-58f4b958ff-m4q98" is forbidden: used: requests.memory=96Mi',
            'FailedCreate pods "menu-6d5f8b7c9d-zzzzz" is forbidden: used: requests.memory=128Mi, limited: 400Mi',
            True,
        ),
        ("3m (x4 over 5m)  Warning  Failed  pod/menu  Error: ErrImagePull", "Error: ErrImagePull", True),
        (
            "couldn't find key a in ConfigMap broken-at-three/terms",
            "couldn't find key a in ConfigMap broken-at-three-0a1b2c3d/terms",
            True,
        ),
        ("Error: ErrImagePull", "Error: ImagePullBackOff", False),
        ("Error", "Error: ErrImagePull", False),  # too short to be anything
        ("", "anything at all", False),
    ],
)
def test_a_quotation_is_the_line_wherever_it_was_said(quoted: str, said: str, are_the_same: bool):
    assert same(quoted, said) == are_the_same


def test_who_says_a_line():
    told = Told({Thing("pod", "till"): ["statuscode: 503"]}, {Thing("service", "till"): ["TargetPort: web/TCP"]})
    assert told.says(Thing("service", "till"), "TargetPort:   web/TCP")
    assert told.who_says("statuscode: 503") == Thing("pod", "till")
    assert told.who_says("statuscode: 404 ") == Thing("pod", "till")  # numbers are others elsewhere
    assert told.who_says("not said by anybody") is None
    assert told.lacks("till", Fault("probe", "/ready")) == ["statuscode: 404"]
    assert told.lacks("till", Fault("port", "web")) == []
    assert told.proves(Thing("service", "till"), "x TargetPort: web/TCP y", Fault("port", "web").sign)


def test_reads_all_of_them():
    found = read(WHOLE)
    assert (found.number, incident_of(WHOLE)) == (7, 7)
    assert found.of["menu"].proof == "a line of menu"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no diagnosis"),
        (WHOLE.replace("7", "1000", 1), "1 to 999"),
        (WHOLE.replace("incident: 7\n", ""), "Here it is missing"),
        (WHOLE.replace("7", "true", 1), "1 to 999"),
        ("incident: 7\n", "Nothing is said of shop and till and menu and kitchen"),
        (WHOLE.replace("menu:", "stock:", 1), "no program 'stock'"),
        (WHOLE.replace("cause: image", "cause: typo", 1), "no cause 'typo' in the list"),
        (WHOLE.replace("object: pod/till", "object: till"), "a kind and a name"),
        (WHOLE.replace("    a line of menu", "    one\n    two"), "one line, and here there are 2"),
        (WHOLE.replace("a line of menu", "x" * 900), "at most 700"),
        (WHOLE.replace("proof: |\n    a line of menu", "proof: Error: couldn't find key"), "Line 13.*proof: |"),
        ("incident: 7\n" + "x" * 9000, "At most 8,000"),
    ],
)
def test_says_what_cannot_be_read(text: str, says: str):
    with pytest.raises(AnswerError, match=says):
        read(text)


@pytest.mark.parametrize("name", wrecks(WHOLE))
def test_what_ruins_everything_is_read_or_refused(name: str):
    with suppress(AnswerError):
        read(wrecks(WHOLE)[name])


def test_a_diagnosis_says_whose_incident_it_is():
    assert number_for(SimpleNamespace(answer=lambda _: "incident: 42\n")) == 42  # type: ignore[arg-type]
    for text in ("", "incident: 0", "incident: 1234", "incident: mine"):
        assert number_for(SimpleNamespace(answer=lambda _, text=text: text)) == own_number()  # type: ignore[arg-type]
    assert 1 <= own_number() <= LAST


def test_without_an_answer_it_is_ones_own():
    def none(_: str) -> str:
        raise CourseError("none")

    assert number_for(SimpleNamespace(answer=none)) == own_number()  # type: ignore[arg-type]


def test_how_long_a_probe_may_take():
    probe = {"periodSeconds": 2, "failureThreshold": 3, "timeoutSeconds": 1, "initialDelaySeconds": 5}
    assert noticed({"spec": {"containers": [{"readinessProbe": probe}]}}) == 7
    assert noticed({"spec": {"containers": [{"readinessProbe": probe}]}}, starts=True) == 10
    assert noticed({"spec": {"containers": [{}]}}) == 0


def test_a_list_in_words():
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
