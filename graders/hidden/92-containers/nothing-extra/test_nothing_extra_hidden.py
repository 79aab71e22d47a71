"""Hidden checks of nothing-extra: another token, another tariff, and a project that has grown."""

import base64
import hashlib
import secrets

import pytest
from test_nothing_extra import BESIDES, Built, context_of, must_keep_out, must_send

from labkit.checking.checks import after, answer, keeps, points, review

LATER = {
    "app/data/holidays.csv": "day\n2027-12-25\n",
    "app/env.py": "STAGE = 'test'\n",
    "app/git/notes.txt": "not the one that is meant\n",
    "index/more.sealed": "AAAA\n",
    "tools/Makefile": "all:\n",
}
PRIVATE = {
    "app/deep/er/.env": "A=1\n",
    "tools/.env.production": "A=2\n",
    "tools/old/__pycache__/fetch.cpython-313.pyc": "compiled",
    "data/2026/05/rides.csv": "1\n",
    ".git/refs/heads/main": "2c1f\n",
    "index/.git/HEAD": "ref\n",
    ".env.staging": "A=3\n",
}


def seal(token, text):
    """A package as the index has it."""
    whole = hashlib.sha256(text.encode()).digest() + text.encode()
    key = b"".join(hashlib.sha256(f"{token}:{at}".encode()).digest() for at in range(len(whole) // 32 + 1))
    return base64.encodebytes(bytes(a ^ b for a, b in zip(whole, key, strict=False))).decode()


@pytest.fixture(scope="module")
def files(project_files):
    """The project some months later."""
    return {**project_files, **BESIDES, **LATER, **PRIVATE}


@pytest.fixture(scope="module")
def tariff():
    """What a ride costs now: a start, and so much a zone."""
    return 100 + secrets.randbelow(400), 50 + secrets.randbelow(200)


@pytest.fixture(scope="module")
def built(image_place, files, build_context, answers, tariff):
    """The answer, built with another token and another tariff."""
    token = f"idx-{secrets.token_urlsafe(15)}"
    package = f"def cents(zones):\n    return {tariff[0]} + {tariff[1]} * zones\n"
    given = {"arguments": {"INDEX_TOKEN": token}, "secrets_given": {"index_token": token}}
    later = {
        **build_context,
        **files,
        ".dockerignore": build_context[".dockerignore"],
        "index/fares.sealed": seal(token, package),
    }
    return Built(image_place, later, answers["image"], given)


@answer("ignore")
@points(3)
@keeps("kept-out", "sent")
@after("test_private_things_stay_out", "test_what_is_needed_is_sent")
@review("How patterns of .dockerignore are read: from the top, at any depth, and taken back.")
def test_later_context(image_place, files, answers):
    """Of a project that has grown, private files stay out and all others are sent."""
    sent = context_of(image_place, files, answers["ignore"])
    must_keep_out(sent)
    must_send(sent, files)


@answer("image")
@points(2)
@keeps("prints", "budget", "only-app")
@after("test_is_small", "test_holds_only_the_program")
@review("What of a project a container needs, and what only its build.")
def test_later_state_is_small(built, tariff):
    """A later state of the project prints its own tariff, and its image holds nothing but that."""
    built.must_print(
        [
            f"{ride}: {(tariff[0] + tariff[1] * zones) / 100:.2f} EUR"
            for ride, zones in (("Airport - Harbour", 3), ("Market - Harbour", 2))
        ]
    )
    built.must_be_small()
    built.must_hold_only_the_program()


@answer("image")
@points(3)
@keeps("not-in-the-image", "not-in-the-builder")
@after("test_the_builder_keeps_no_secret", "test_later_state_is_small")
@review("Where a token goes that a build is given: arguments, files, logs, caches.")
def test_another_token_is_nowhere(built):
    """Another token is nowhere in the image, nor in what the builder keeps."""
    built.must_not_tell()
    built.must_leave_no_trace()
