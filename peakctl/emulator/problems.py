"""Refusals of the emulated platform; each becomes `{"detail": ...}` with its status."""

from __future__ import annotations


class Problem(Exception):
    """One refusal: an HTTP status below 500 and a detail that names the field."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def not_found(kind: str, key: object) -> Problem:
    return Problem(404, f"{kind.replace('-', ' ')} {key} does not exist")


def invalid(field: str, why: str) -> Problem:
    return Problem(422, f"{field}: {why}")


def conflict(detail: str) -> Problem:
    return Problem(409, detail)
