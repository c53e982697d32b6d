"""What the environment says, and what is wrong with it."""

from __future__ import annotations

import pytest

from peakctl.errors import UsageError
from peakctl.settings import read_settings


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://proxy.example.com/peak", "https://proxy.example.com/peak"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("", None),
    ],
)
def test_an_endpoint_is_a_whole_address(address: str, read: str | None) -> None:
    assert read_settings({"PEAKCTL_ENDPOINT": address}).endpoint == read


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:80",
        "ftp://x",
        "yes",
        "http://",
        "http://127.0.0.1:99999",
        "http://x:port",
        "http://x:0",
        "http://[::1",
        "http://a b",
        "http://x?y=z",
        "http://x#y",
    ],
)
def test_another_endpoint_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is not an http address") as caught:
        read_settings({"PEAKCTL_ENDPOINT": address})
    assert address in str(caught.value)


def test_credentials_in_an_endpoint_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"PEAKCTL_ENDPOINT": "http://ann:hunter2@x"})
    (problem,) = caught.value.diagnostics
    assert problem.code == "settings/endpoint"
    assert "hunter2" not in f"{problem}"
