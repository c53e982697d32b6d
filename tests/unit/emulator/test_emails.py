"""E-mails, their attachments and templates."""

from __future__ import annotations

from typing import Any

import pytest

EMAILS = "/service/notifications/api/v1/emails"
BODY = {"recipients": ["a@b.c"], "cc": ["d@e.f"], "subject": "s", "templateName": "t"}


def test_an_email_is_delivered_at_once(peak: Any) -> None:
    made = peak.ok("POST", EMAILS, json=BODY)["id"]
    shown = peak.get(f"{EMAILS}/{made}")
    assert shown["recipients"] == {"to": ["a@b.c"], "cc": ["d@e.f"], "bcc": []}
    assert [d["email"] for d in shown["statusDetails"]] == ["a@b.c", "d@e.f"]
    assert peak.get(EMAILS, count=-1)["emailCount"] == 1
    assert peak.get(EMAILS, count=0)["emails"] == []
    peak.wait(91 * 86400)
    assert peak.get(EMAILS)["emailCount"] == 0
    assert peak.get(EMAILS, dateFrom="2020-01-01T00:00:00.000Z")["emailCount"] == 1
    peak.refused(404, "GET", f"{EMAILS}/77")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("a.exe", b"x")], 422),
        ([("a.txt", b"x")] * 4, 422),
        ([("a.txt", b"x" * 10**7 + b"x")], 413),
    ],
)
def test_attachments_have_limits(peak: Any, files: Any, status: int) -> None:
    parts = [*peak.parts(**BODY), *(("attachments", (n, d, "text/plain")) for n, d in files)]
    assert "attachments" in peak.refused(status, "POST", EMAILS, files=parts)


def test_required_fields_of_an_email(peak: Any) -> None:
    for field in ("recipients", "subject", "templateName"):
        sent = {k: v for k, v in BODY.items() if k != field}
        assert peak.refused(422, "POST", EMAILS, json=sent).startswith(f"{field}:")


def test_templates_are_the_platforms_own(peak: Any) -> None:
    path = f"{EMAILS}/templates"
    assert peak.get(path, scope="custom")["templates"] == []
    (found,) = peak.get(path, scope="custom,global", searchTerm="FAILED")["templates"]
    assert peak.get(f"{path}/{found['name']}")["subject"] == found["name"]
    peak.refused(404, "GET", f"{path}/none")
    peak.refused(422, "GET", path, params={"scope": "mine"})


def test_templates_of_the_tenant_are_seeded(peak: Any) -> None:
    path = f"{EMAILS}/templates"
    body = {"name": "Übersicht", "subject": "S", "body": "<p>B</p>"}
    resources = [
        {"kind": "email-template", "body": body},
        {"kind": "email-template", "body": {"name": "plain"}},
    ]
    peak.ok("POST", "/_emulator/seed", json={"resources": resources, "tenant": "acme"})
    assert peak.get(path)["templateCount"] == 2
    peak.token = "tenant:acme:x"
    found = peak.get(path, scope="custom", searchTerm="ÜBER")["templates"]
    assert [(each["id"], each["name"], each["scope"]) for each in found] == [
        (3, "Übersicht", "custom")
    ]
    assert "body" not in found[0]
    assert peak.get(f"{path}/Übersicht") == {**found[0], "subject": "S", "body": "<p>B</p>"}
    assert peak.get(f"{path}/plain")["subject"] == "plain"
    assert peak.get(path, scope="global")["templateCount"] == 2
    again = {"resources": resources[:1], "tenant": "acme"}
    assert "already exists" in peak.refused(409, "POST", "/_emulator/seed", json=again)
    peak.token = ""
    peak.refused(401, "POST", "/_emulator/email-templates", json=body)
