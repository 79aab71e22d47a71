"""What several processes of one run share, and in which order they take it."""

from itertools import groupby

from tests.units import in_order, unit_of

LAB = "tests/course/test_labs.py::test_every_answer_is_judged_and_marked_as_it_must_be[{}-{}]"
COLLECTED = [
    *(f"tests/a/test_many.py::test_it[{backend}-{n}]" for n in range(3) for backend in ("embedded", "docker")),
    "tests/a/test_one.py::test_it",
    *(
        LAB.format(backend, key)
        for backend in ("embedded", "docker")
        for key in ("91-databases/right-index", "91-databases/jsonb-search", "92-containers/probes")
    ),
    LAB.format("docker", "92-containers/zero-downtime"),
]


def test_all_come_and_each_unit_at_one_time():
    found = list(in_order(COLLECTED))
    assert sorted(found) == sorted(COLLECTED)
    units = [unit for unit, _ in groupby(found, key=unit_of)]
    assert len(units) == len(set(units)) == 9


def test_labs_share_a_service_that_is_slow_to_start_and_no_other():
    cluster = {unit_of(LAB.format("docker", f"92-containers/{name}")) for name in ("probes", "zero-downtime")}
    assert len(cluster) == 1
    assert unit_of(LAB.format("embedded", "92-containers/probes")) not in cluster
    assert unit_of(LAB.format("embedded", "91-databases/right-index")) != unit_of(
        LAB.format("embedded", "91-databases/jsonb-search")
    )


def test_labs_and_others_come_by_turns():
    of_labs = ["test_labs.py" in nodeid for nodeid in in_order(COLLECTED)]
    assert of_labs.index(True) < 4
    assert of_labs.index(False) < 4
