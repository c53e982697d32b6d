"""The checker of queries finds what GitHub would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from graphql_query import Query

from peakctl.hosts.github import REVIEW_EDITS

GIVEN = {"owner": "a", "name": "b", "number": 7, "after": None}


def test_the_queries_that_are_sent_fit() -> None:
    Query({"query": "query{viewer{login}}"})
    Query({"query": REVIEW_EDITS, "variables": GIVEN})


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query{viewer{name_of_nothing}}", {}),
        ("query{viewer}", {}),
        ("query{viewer{login{x}}}", {}),
        ("mutation{viewer{login}}", {}),
        (REVIEW_EDITS.replace("lastEditedAt", "editedAt"), GIVEN),
        (REVIEW_EDITS.replace("first:100", "first:all"), GIVEN),
        (REVIEW_EDITS.replace("name:$name", "name:$number"), GIVEN),
        (REVIEW_EDITS.replace("owner:$owner,", ""), GIVEN),
        (REVIEW_EDITS, {**GIVEN, "number": None}),
        (REVIEW_EDITS, {**GIVEN, "more": 1}),
    ],
)
def test_what_does_not_fit_is_found(query: str, variables: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        Query({"query": query, "variables": variables})
