from app.greeting import GREETING


def test_greets():
    assert GREETING
