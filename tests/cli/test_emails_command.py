"""`peakctl emails`: what is sent goes out once, whatever becomes of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peakctl import (
    Email,
    Project,
    UsageError,
    describe_email,
    email_templates,
    list_emails,
    send_email,
)
from peakctl.emulator.faults import Fault

PROJECT = "project: shop\nenvironments: {local: {emulator: true}}\n"
EMAILS = "/notifications/api/v1/emails"
SEND = ("emails", "send", "--to", "a@b.c", "--subject", "Sales of May", "--template")
GOOD = (*SEND, "default-template")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "peakctl.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def emulator(shop: Path, make_emulator: Any) -> Any:
    return make_emulator()


def posts(emulator: Any) -> list[Any]:
    return [each for each in emulator.requests if each.method == "POST" and EMAILS in each.path]


def row_of(done: Any) -> Any:
    return json.loads(done.out)["email"]


def test_an_e_mail_is_sent_listed_and_described(peakctl: Any, emulator: Any, clock: Any) -> None:
    more = ("--cc", "d@e.f", "--bcc", "g@h.i", "--parameter", "month=May=5", "--parameters")
    done = peakctl(*GOOD, *more, '{"rows": 12}', emulator=emulator)
    assert (done.code, done.out) == (0, "Sent e-mail 1 to 3 recipients.\n")
    (post,) = posts(emulator)
    assert post.body == {
        "recipients": ["a@b.c"],
        "cc": ["d@e.f"],
        "bcc": ["g@h.i"],
        "subject": "Sales of May",
        "templateName": "default-template",
        "templateParameters": {"rows": 12, "month": "May=5"},
    }
    listed = peakctl("emails", "list", emulator=emulator)
    assert listed.out.splitlines()[1].startswith("1   Delivered  Sales of May  default-template")
    shown = row_of(peakctl("emails", "describe", "1", "-o", "json", emulator=emulator))
    assert shown["recipients"] == {"to": ["a@b.c"], "cc": ["d@e.f"], "bcc": ["g@h.i"]}
    assert [each["email"] for each in shown["deliveries"]] == ["a@b.c", "d@e.f", "g@h.i"]
    text = peakctl("emails", "describe", "1", emulator=emulator).out
    assert "  d@e.f: Delivered\n" in text
    assert "id: 1\n" in peakctl("emails", "describe", "1", "-o", "yaml", emulator=emulator).out


def test_files_go_along(peakctl: Any, emulator: Any, shop: Path) -> None:
    (shop / "sales.csv").write_text("a,b")
    (shop / "notes.txt").write_text("c")
    done = peakctl(*GOOD, "--attach", "sales.csv", "--attach", "notes.txt", emulator=emulator)
    assert done.code == 0
    parts = posts(emulator)[0].parts
    assert (parts["recipients"], parts["templateName"]) == (["a@b.c"], "default-template")
    assert parts["attachments"]["bytes"] == 1


def test_what_the_platform_would_not_take_is_told_at_once(
    peakctl: Any, emulator: Any, shop: Path
) -> None:
    (shop / "x.py").write_text("")
    (shop / "folder").mkdir()
    (shop / "large.zip").write_bytes(b"0" * (10**7 + 1))
    files = [w for f in ("x.py", "folder", "large.zip", "none.txt") for w in ("--attach", f)]
    done = peakctl(*GOOD, "--cc", "d e@f", *files, emulator=emulator)
    assert (done.code, done.err.count("error[usage/email]")) == (64, 6)
    for word in ("of no type", "a folder", "more than 10 MB", "no such file", "takes 3"):
        assert word in done.err
    done = peakctl(*GOOD, "--parameter", "x", "--parameters", "[1]", emulator=emulator)
    assert (done.code, done.err.count("error[usage/email]")) == (64, 2)
    done = peakctl(*GOOD[:2], *GOOD[4:5], "a\nb", *GOOD[6:], emulator=emulator)
    assert "no recipient" in done.err
    assert "line break" in done.err
    assert emulator.requests == []
    with pytest.raises(UsageError, match="is empty"):
        send_email(Project.open(shop), Email(to=("a@b.c",), subject=" ", template="x"))


def test_a_template_that_is_not_there_is_told_with_the_nearest(peakctl: Any, emulator: Any) -> None:
    done = peakctl(*SEND, "defaul-template", emulator=emulator)
    assert (done.code, posts(emulator)) == (1, [])
    assert "did you mean: default-template" in done.err
    done = peakctl("emails", "templates", "nonsense", emulator=emulator)
    assert (done.code, "live/no-template" in done.err) == (1, True)
    done = peakctl("emails", "describe", "9", emulator=emulator)
    assert (done.code, "live/no-email" in done.err) == (1, True)


def test_templates_are_listed_and_shown(peakctl: Any, emulator: Any) -> None:
    done = peakctl("emails", "templates", "--search", "fail", emulator=emulator)
    assert [row.split()[0] for row in done.out.splitlines()] == ["NAME", "workflow-failed"]
    none = peakctl("emails", "templates", "--scope", "custom", emulator=emulator)
    assert none.out == "There is no template.\n"
    one = peakctl("emails", "templates", "default-template", emulator=emulator)
    assert one.out.splitlines()[0] == "Template default-template, global"
    assert "<p>" not in one.out
    assert peakctl("emails", "list", emulator=emulator).out == "Nothing was sent.\n"


def test_a_long_list_is_cut_and_says_so(peakctl: Any, emulator: Any, clock: Any) -> None:
    for _ in range(22):
        assert peakctl(*GOOD, emulator=emulator).code == 0
        clock.time += 3600
    assert "2 more e-mails; --limit" in peakctl("emails", "list", emulator=emulator).out
    rows = peakctl("emails", "list", "--limit", "1", emulator=emulator).out
    assert rows.splitlines()[1].startswith("22 ")
    recent = peakctl("emails", "list", "--since", "5h", "-o", "json", emulator=emulator).out
    assert [each["id"] for each in json.loads(recent)["emails"]] == [22, 21, 20, 19, 18]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_lost_answer_it_is_looked_for_and_never_sent_again(
    peakctl: Any, emulator: Any, status: int, when: Any
) -> None:
    assert peakctl(*GOOD, emulator=emulator).code == 0  # one just like it
    emulator.faults.append(Fault(method="POST", path=EMAILS, when=when, status=status))
    done = peakctl(*GOOD, "-o", "json", emulator=emulator)
    assert len(posts(emulator)) == 2
    if when == "after":
        assert (done.code, row_of(done)["delivery"], row_of(done)["id"]) == (0, "sent", 2)
    else:
        assert (done.code, row_of(done)["delivery"], row_of(done)["id"]) == (1, "unknown", None)
        assert "emails/unknown" in done.err
        assert "peakctl emails list" in done.err


@pytest.mark.parametrize(("others", "known"), [(0, 1), (1, None)])
def test_of_two_that_are_alike_nobody_knows_which_is_ours(
    peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch, others: int, known: int | None
) -> None:
    """Somebody else sends the very same while the answer is lost."""
    from peakctl.adapters.emails import Emails

    plain = Emails.send

    async def send(self: Emails, body: Any, files: Any = ()) -> int:
        for _ in range(others):
            await plain(self, body)
        emulator.faults.append(Fault(method="POST", path=EMAILS, action="drop", when="after"))
        return await plain(self, body, files)

    monkeypatch.setattr(Emails, "send", send)
    found = row_of(peakctl(*GOOD, "-o", "json", emulator=emulator))
    assert (found["id"], len(posts(emulator))) == (known, 1 + others)


@pytest.mark.parametrize(
    ("faults", "code", "told"),
    [
        ([Fault(method="POST", path=EMAILS, status=422)], 1, "refused"),
        ([Fault(method="POST", path=EMAILS, status=403)], 15, "auth/forbidden"),
        (
            [
                Fault(method="GET", path=f"{EMAILS}$", status=403, times=None),
                Fault(method="POST", path=EMAILS, action="drop", when="after"),
            ],
            1,
            "emails/unknown",
        ),
    ],
    ids=["refused", "may-not", "may-not-look"],
)
def test_a_refusal_is_told_as_it_is(
    peakctl: Any, emulator: Any, faults: list[Fault], code: int, told: str
) -> None:
    emulator.faults += faults
    done = peakctl(*GOOD, emulator=emulator)
    assert (done.code, told in done.err, len(posts(emulator))) == (code, True, 1)


def test_too_many_requests_are_sent_again(peakctl: Any, emulator: Any) -> None:
    emulator.faults.append(Fault(method="POST", path=EMAILS, status=429))
    assert peakctl(*GOOD, emulator=emulator).code == 0
    listed = peakctl("emails", "list", "-o", "json", emulator=emulator)
    assert len(json.loads(listed.out)["emails"]) == 1


def test_another_tenant_gets_no_e_mail(peakctl: Any, shop: Path, make_emulator: Any) -> None:
    (shop / "peakctl.yaml").write_text(
        "project: shop\nenvironments: {local: {emulator: true, tenant: spoke9.peak.ai}}\n"
    )
    emulator = make_emulator(spoke_domain="spoke1.peak.ai")
    done = peakctl(*GOOD, emulator=emulator)
    assert (done.code, posts(emulator)) == (12, [])
    assert "guard/wrong-tenant" in done.err


def test_python_has_the_same(
    shop: Path, emulator: Any, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr("peakctl.operations.platform.open_emulator", lambda *_, **__: emulator)
    project = Project.open(shop)
    sent = send_email(project, Email(to=("a@b.c",), subject="S", template="default-template"))
    assert (sent.number, str(sent.delivery)) == (1, "sent")
    assert describe_email(project, 1)["subject"] == "S"
    assert len(list_emails(project)) == 1
    assert {each["name"] for each in email_templates(project)} == {
        "default-template",
        "workflow-failed",
    }


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": "x"}, {"id": True}, []])
def test_an_answer_without_a_number_is_looked_for(
    peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    from peakctl.api.client import Api

    plain = Api.send

    async def send(self: Api, method: str, path: str, **more: Any) -> Any:
        await plain(self, method, path, **more)
        return answer

    monkeypatch.setattr(Api, "send", send)
    found = row_of(peakctl(*GOOD, "-o", "json", emulator=emulator))
    assert (found["delivery"], found["id"], len(posts(emulator))) == ("sent", 1, 1)


def test_an_e_mail_that_tells_no_recipients_is_not_taken_for_ours(
    peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peakctl.adapters.emails import Emails

    async def describe(*_: Any) -> Any:
        return {"recipients": None}

    monkeypatch.setattr(Emails, "describe", describe)
    emulator.faults.append(Fault(method="POST", path=EMAILS, action="drop", when="after"))
    assert row_of(peakctl(*GOOD, "-o", "json", emulator=emulator))["delivery"] == "unknown"


def test_a_read_that_fails_is_an_error_of_its_own(peakctl: Any, emulator: Any) -> None:
    emulator.faults.append(Fault(method="GET", path=f"{EMAILS}/1", status=400))
    done = peakctl("emails", "describe", "1", emulator=emulator)
    assert (done.code, "api/invalid" in done.err) == (1, True)


def test_a_signal_while_sending_leaves_it_unknown(
    peakctl: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice is never to run it again: it may have been sent."""
    import asyncio
    import os
    import signal

    from peakctl.adapters.emails import Emails

    async def send(*_: Any) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Emails, "send", send)
    done = peakctl(*GOOD, emulator=emulator)
    assert (done.code, "emails/unknown" in done.err) == (130, True)
    assert "run the same command again" not in done.err
