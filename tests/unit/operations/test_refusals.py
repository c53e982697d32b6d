"""Which error stands for all problems of a run: who has to do something about them."""

from __future__ import annotations

import pytest

from peakctl.errors import (
    Diagnostic,
    GuardRefused,
    LiveConflict,
    ManifestsInvalid,
    PeakctlError,
    SelectorEmpty,
    Severity,
)
from peakctl.model import Location
from peakctl.operations.load import refuse_errors

WARNING = Diagnostic("manifest/deprecated", "old", severity=Severity.WARNING)


def of(*codes: str) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic(code, "bad") for code in codes)


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (("manifest/cron",), ManifestsInvalid),
        (("plan/version-reused",), ManifestsInvalid),
        (("plan/unread-value",), ManifestsInvalid),
        (("live/same-resource",), ManifestsInvalid),
        (("guard/protected",), GuardRefused),
        (("live/not-ours",), GuardRefused),
        (("live/not-ours", "guard/part-unknown"), GuardRefused),
        (("source/no-match",), SelectorEmpty),
        (("selector/needed",), SelectorEmpty),
        (("live/ambiguous",), LiveConflict),
        (("live/duplicate-name",), LiveConflict),
        (("live/name-taken",), LiveConflict),
        (("live/unlisted",), LiveConflict),
        (("live/ambiguous", "live/not-ours"), GuardRefused),
        (("live/ambiguous", "selector/needed", "manifest/cycle"), ManifestsInvalid),
    ],
)
def test_the_error_is_that_of_the_first_sort_that_is_there(
    codes: tuple[str, ...], error: type[PeakctlError]
) -> None:
    with pytest.raises(error) as caught:
        refuse_errors((*of(*codes), WARNING))
    assert caught.type is error
    assert {d.code for d in caught.value.diagnostics} == {*codes, WARNING.code}


def test_a_pattern_of_the_project_file_that_finds_nothing_is_a_fault_of_that_file() -> None:
    found = Diagnostic("source/no-match", "none", locations=(Location("peakctl.yaml", 2, 1),))
    with pytest.raises(ManifestsInvalid):
        refuse_errors((found,))


def test_warnings_alone_raise_nothing() -> None:
    assert refuse_errors((WARNING,)) == (WARNING,)
