"""A queue in front of a function: batches, partial failures, and messages that are given up, as SQS and Lambda do."""

from __future__ import annotations

import json

import pytest

from labkit.machine.fault import ServiceFault
from labkit.services.functions.invocation import Result
from labkit.services.functions.queue import failures

# Says of each batch what was in it, and fails as the messages ask for.
WORKS = """
    import json
    def handler(event, context):
        values = [json.loads(record["body"]) for record in event["Records"]]
        tried = [int(record["attributes"]["ApproximateReceiveCount"]) for record in event["Records"]]
        print("BATCH", json.dumps([values, tried]))
        if "raise" in values:
            raise RuntimeError("one of them is bad")
        bad = [record["messageId"] for record, value in zip(event["Records"], values) if value == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": message} for message in bad]}
"""


def test_messages_come_in_batches(deploy):
    function = deploy(WORKS, batch_size=4)
    function.send(*range(10))
    assert function.emptied() == []
    assert len(function.history().reports) == 3


def test_a_message_is_as_sqs_sends_it(deploy):
    function = deploy("def handler(event, context):\n    raise ValueError(repr(event['Records'][0]))\n", max_receive=1)
    (message,) = function.send({"scan": 1})
    (letter,) = function.emptied()
    assert (json.loads(letter.payload), letter.request_id, letter.attempts) == ({"scan": 1}, message, 1)
    for part in (
        f"'messageId': '{message}'",
        "'body': '{\"scan\": 1}'",
        "'eventSource': 'aws:sqs'",
        "ReceiveCount': '1'",
    ):
        assert part in letter.error_message


def test_a_batch_that_fails_is_tried_again_whole(deploy):
    function = deploy(WORKS, batch_size=3, max_receive=2)
    function.send(1, "raise", 2)
    letters = function.emptied()
    assert sorted(json.loads(letter.payload) if letter.payload != '"raise"' else 0 for letter in letters) == [0, 1, 2]
    assert {letter.attempts for letter in letters} == {2}
    assert len(function.history().reports) == 2


def test_only_what_failed_is_tried_again(deploy):
    function = deploy(WORKS, batch_size=3, report_failures=True)
    function.send(1, "bad", 2)
    (letter,) = function.emptied()
    assert (letter.payload, letter.attempts) == ('"bad"', 3)
    assert len(function.history().reports) == 3


def test_what_it_says_counts_only_where_that_is_switched_on(deploy):
    function = deploy(WORKS, batch_size=3)
    function.send(1, "bad", 2)
    assert function.emptied() == []
    assert len(function.history().reports) == 1


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ("null", ""),
        ("{}", ""),
        ('{"batchItemFailures": null}', ""),
        ('{"batchItemFailures": []}', ""),
        ('{"batchItemFailures": [{"itemIdentifier": "b"}]}', "b"),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', "ab"),
        ('{"batchItemFailures": [{"messageId": "b"}]}', "ab"),
        ('{"batchItemFailures": ["b"]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": "of another batch"}]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": ["b"]}]}', "ab"),
        ('{"batchItemFailures": "b"}', "ab"),
        ("[]", "ab"),
        ("no JSON", "ab"),
    ],
)
def test_what_an_answer_means(answer, failed):
    assert failures(Result(200, answer, "1"), ["a", "b"], told=True) == set(failed)
    assert failures(Result(200, answer, "1"), ["a", "b"], told=False) == set()


def test_an_error_fails_the_whole_batch_whatever_it_may_tell():
    for told in (True, False):
        assert failures(Result(200, "{}", "1", "Unhandled"), ["a", "b"], told=told) == {"a", "b"}


def test_a_throttled_batch_waits_for_its_turn(deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(0.05)\n", batch_size=1, concurrency=1)
    function.send(*range(6))
    assert function.emptied() == []
    assert len(function.history().reports) == 6


def test_a_queue_ends_with_its_function(deploy, space):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(30)\n", batch_size=1)
    function.send(*range(20))
    function.remove()
    with pytest.raises(ServiceFault, match="no function"):
        function.emptied()
