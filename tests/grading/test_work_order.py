"""Answers alike go to the same worker, and nothing is handed out twice or left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from labkit import course
from labkit.grading.work_order import Work, WorkOrder

LAB = course.find("91-databases/jsonb-search")
FIRST, SECOND = LAB.answers


def works(texts: str) -> list[Work]:
    """One for each letter, which is its first answer; no two are the same."""
    return [Work(f"student-{i}", LAB, {FIRST: text, SECOND: f"SELECT {i}"}) for i, text in enumerate(texts)]


def taken(order: WorkOrder, last: Work | None = None) -> Work:
    """The next; there must be one."""
    item = order.take(last)
    assert item
    return item


def texts(items: list[Work]) -> str:
    return "".join(item.answers[FIRST] for item in items)


def test_one_worker_gets_those_alike_one_after_the_other():
    order, items = WorkOrder(works("abacaba")), list[Work]()
    while item := order.take(items[-1] if items else None):
        items.append(item)
    assert texts(items) == "aaaabbc"
    assert sorted(item.student for item in items) == [f"student-{i}" for i in range(7)]


def test_two_workers_begin_with_different_ones_and_then_help_each_other():
    order = WorkOrder(works("aaaabb"))
    one, other = [taken(order)], [taken(order)]
    for mine in (other, one, other, one):
        mine.append(taken(order, mine[-1]))
    assert (texts(one), texts(other), order.take()) == ("aaa", "bba", None)


def test_a_few_alike_are_taken_together():
    order = WorkOrder(works("aaaab"))
    first = taken(order)
    assert texts(order.take_alike(first, 2)) == "aa"
    assert texts(order.take_alike(first, 2)) == "a"
    assert order.take_alike(first, 2) == []
    assert (texts([taken(order, first)]), order.take()) == ("b", None)


def test_an_answer_that_is_missing_is_like_other_missing_ones():
    order = WorkOrder([Work("ada", LAB, {}), *works("a"), Work("bob", LAB, {})])
    first = taken(order)
    assert {first.student, taken(order, first).student} == {"ada", "bob"}


def test_it_knows_how_long_the_rest_will_take():
    order = WorkOrder(works("aaaabbc"))
    first, second = taken(order), taken(order)
    order.took(100.0, first, None)
    assert order.seconds_left() == float("inf")  # nothing is known yet but what includes a worker's start
    third = taken(order, first)
    order.took(1.0, third, first)
    order.took(8.0, second, third)
    assert order.seconds_left() == 8.0 + 3 * 1.0  # a c, and a, a and b after one alike
    while taken(order, third) and len(order):
        pass
    assert order.seconds_left() == 0.0


def test_many_threads_get_each_once():
    order = WorkOrder(works("abcde" * 200))

    def take_all(_: int) -> list[Work]:
        items = list[Work]()
        while item := order.take(items[-1] if items else None):
            items.append(item)
        return items

    with ThreadPoolExecutor(8) as threads:
        items = [item for taken_by_one in threads.map(take_all, range(8)) for item in taken_by_one]
    assert sorted(int(item.student.removeprefix("student-")) for item in items) == list(range(1000))
    assert len(order) == 0


def test_who_may_leave_finishes_first_what_another_one_would_have_to_begin_anew():
    """Unless that is most of what is left: then somebody else must be at it all the same."""
    order = WorkOrder(works("aaaabbbbb"))
    first = taken(order)
    assert texts([first]) == "b"  # the larger group
    assert not order.goes_on(None)
    order.took(1.0, first, first)
    order.took(1.0, first, works("a")[0])
    assert not order.goes_on(first)  # four b, and four a
    last = first
    for _ in range(2):
        last = taken(order, last)
    assert order.goes_on(last)  # two b, and four a
    for _ in range(2):
        last = taken(order, last)
    assert not order.goes_on(last)  # no b
