"""Where the page of a job can be opened."""

from __future__ import annotations

import pytest

from peakctl.hosts.job import Job
from peakctl.hosts.pages import address_of

GITLAB = "https://gitlab.example.com/acme/shop/-/jobs/6"


@pytest.mark.parametrize(
    ("host", "url", "file", "told"),
    [
        ("github", "https://github.com/a/b/actions/runs/9", "x", "/runs/9#artifacts"),
        ("azure", "https://dev.azure.com/a/p/_build/results?buildId=9", "x", "&view=artifacts"),
        ("gitlab", GITLAB, "/builds/acme/shop/a b/p.html", "/jobs/6/artifacts/file/a%20b/p.html"),
        ("gitlab", GITLAB, "/tmp/p.html", ""),
        ("generic", "https://jenkins.example.com/1", "p.html", ""),
        ("github", "", "p.html", ""),
    ],
)
def test_it_is_where_the_host_keeps_artifacts(host: str, url: str, file: str, told: str) -> None:
    found = address_of(Job(host), url, file, {"CI_PROJECT_DIR": "/builds/acme/shop"})
    assert told in found
    assert bool(found) == bool(told)


def test_without_the_folder_of_the_repository_there_is_no_address() -> None:
    assert address_of(Job("gitlab"), GITLAB, "p.html", {}) == ""
