"""Quantities as the API writes them, also those that a well-known client refuses (`findings/lightkube-cannot-read-what-the-metrics-api-says.sh`)."""

from decimal import Decimal

import pytest

from labkit.services.cluster.node.quantity import number


@pytest.mark.parametrize(
    ("quantity", "is_worth"),
    [
        ("11122600n", "0.0111226"), ("11122u", "0.011122"), ("250m", "0.25"), (2, "2"), ("1e3", "1000"), ("1E3", "1000"),
        ("1k", "1000"), ("1E", "1000000000000000000"), ("64Mi", "67108864"), (".5Gi", "536870912"), ("-1", "-1"),
    ],
)  # fmt: skip
def test_each_suffix(quantity: str | float, is_worth: str) -> None:
    assert number(quantity) == Decimal(is_worth)


@pytest.mark.parametrize("quantity", ["", "Mi", "1K", "1 Mi", "0x10", "1KiB", "one"])
def test_what_is_none_is_told(quantity: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        number(quantity)
