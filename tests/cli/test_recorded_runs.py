"""A run under its lease: what it does when the lease, the platform or another project moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hosts import FakeGithub, FakeGitlab

from peakctl.adapters.ledger_store import ArtifactLedgers
from peakctl.api.client import Api, bases_for
from peakctl.emulator import emulator_transport
from peakctl.emulator.faults import read_faults
from peakctl.errors import Diagnostic, LeaseHeld
from peakctl.hosts import find
from peakctl.ledger import lease, ownership
from peakctl.ledger.client import LedgerClient
from peakctl.ledger.codec import read_ledger, write_ledger
from peakctl.ledger.lease import HeldLease
from peakctl.model import Actor, CiJob, Intent, Key, Ledger, Owned, Owner, Run, Secret

PROJECT = "project: shop\nmanifests: [m.yaml]\nenvironments: {local: {emulator: true}}\n"
FLOW = """\
apiVersion: peakctl/v1
kind: Workflow
metadata: {name: nightly%s}
spec: {steps: {call: {type: http, method: post, url: https://example.com/hook}}}
"""
IMAGE = """\
apiVersion: peakctl/v1
kind: Image
metadata: {name: slow}
spec: {type: workflow, buildDetails: {source: dockerfile, dockerfile: "FROM python:3"}}
---
"""
KEY = Key("Workflow", "nightly")


class Tenant:
    """A project on an emulator, and what others do there."""

    def __init__(self, folder: Path, emulator: Any, clock: Any, peakctl: Any) -> None:
        self.folder, self.emulator, self.clock = folder, emulator, clock
        self.peakctl = lambda *words: peakctl(*words, "-e", "local", emulator=emulator)
        (folder / "peakctl.yaml").write_text(PROJECT)
        self.write(FLOW % "")

    def write(self, manifests: str) -> None:
        (self.folder / "m.yaml").write_text(manifests)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return asyncio.run(self._send(method, path, body))

    async def _send(self, method: str, path: str, body: Any) -> Any:
        async with self.api() as api:
            return await (api.get(path) if method == "GET" else api.send(method, path, json=body))

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        transport = emulator_transport(self.emulator)
        bases, token = bases_for(None, "http://emulator"), Secret("peakctl-emulator")
        async with Api(transport=transport, bases=bases, token=token, clock=self.clock) as api:
            yield api

    async def as_other(self, project: str, *intents: Intent) -> HeldLease:
        """Another project's run takes its lease."""
        async with self.api() as api:
            owner = Owner(project, "local")
            store = ArtifactLedgers(api, self.clock)
            client = LedgerClient(store, owner, self.clock, lambda _: None)
            return await HeldLease.acquire(client, Run("r", Actor("bob"), "apply"), intents)

    def ledger(self) -> Ledger:
        async def read() -> Ledger:
            async with self.api() as api:
                store = ArtifactLedgers(api, self.clock)
                (found,) = [x for x in await store.list() if x.name == "peakctl-ledger-shop-local"]
                return read_ledger(await store.read(found.id) or b"", None)

        return asyncio.run(read())

    def flows(self) -> list[Any]:
        return list(self.send("GET", "service/workflows/api/v1/workflows/")["workflows"])

    def writes(self) -> list[str]:
        asked = (f"{r.method} {r.path}" for r in self.emulator.requests if r.method != "GET")
        return [each for each in asked if "/artifacts/" not in each]


@pytest.fixture
def tenant(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_emulator: Callable[..., Any],
    peakctl: Callable[..., Any],
    clock: Any,
) -> Tenant:
    monkeypatch.chdir(tmp_path)
    return Tenant(tmp_path, make_emulator(build_seconds=1000), clock, peakctl)


def test_what_was_made_is_in_the_ledger_and_the_lease_is_given_back(tenant: Tenant) -> None:
    assert tenant.peakctl("apply", "-y").code == 0
    ledger = tenant.ledger()
    assert ledger.owned.keys() == {KEY}
    assert (ledger.lease, ledger.intents) == (None, ())
    assert [(run.command, run.outcome, run.counts) for run in ledger.runs] == [
        ("apply", "done", {"create": 1})
    ]


def test_an_apply_with_nothing_to_do_writes_nothing(tenant: Tenant) -> None:
    tenant.peakctl("apply", "-y")
    before = [r for r in tenant.emulator.requests if r.method != "GET"]
    assert tenant.peakctl("apply", "-y").code == 0
    assert [r for r in tenant.emulator.requests if r.method != "GET"] == before


def test_a_ledger_that_cannot_be_written_at_the_end_is_told(tenant: Tenant) -> None:
    rule = {"method": "PUT", "path": "/artifacts/", "action": "status", "status": 403}
    tenant.emulator.faults += read_faults(rule)
    run = tenant.peakctl("apply", "-y", "-o", "json")
    assert run.code == 14
    (error,) = json.loads(run.out)["errors"]
    assert error["code"] == "ledger/not-written"
    tenant.emulator.faults.clear()
    tenant.clock.time += 10_000  # nobody knows whether that run is alive: it is, in this process
    assert tenant.peakctl("apply", "-y").code == 0
    assert tenant.ledger().owned.keys() == {KEY}
    assert len(tenant.writes()) == 1


def test_a_run_that_loses_its_lease_starts_nothing_new(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(self: HeldLease) -> None:
        self.lost = True

    monkeypatch.setattr(HeldLease, "_renew", lose)
    tenant.write(IMAGE + (FLOW % "") + "dependsOn: [Image/slow]\n")
    run = tenant.peakctl("apply", "-y", "-o", "json")
    assert run.code == 14
    told = json.loads(run.out)
    assert [error["code"] for error in told["errors"]] == ["lease/lost"]
    assert tenant.writes() == ["POST /service/image-management/api/v2/images/"]
    assert tenant.clock.time < 1_800_000_000 + 1000


def test_what_moves_between_the_plan_and_the_lease_stops_the_run(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.peakctl("apply", "-y")
    tenant.write(FLOW % ", tags: [{name: ours}]")
    (flow,) = tenant.flows()
    acquire = HeldLease.acquire

    async def acquire_late(*given: Any, **more: Any) -> HeldLease:
        path = f"service/workflows/api/v1/workflows/{flow['id']}"
        body = {"name": "nightly", "tags": [{"name": "theirs"}], "triggers": [], "watchers": []}
        steps = {"call": {"type": "http", "method": "post", "url": "https://example.com/hook"}}
        await tenant._send("PUT", path, {**body, "steps": steps})
        return await acquire(*given, **more)

    monkeypatch.setattr(HeldLease, "acquire", acquire_late)
    before = len(tenant.writes())
    run = tenant.peakctl("apply", "-y")
    assert run.code == 11
    assert "it was changed on the platform meanwhile" in run.err
    assert "peakctl apply" in run.err
    assert len(tenant.writes()) == before + 1
    assert tenant.ledger().lease is None


def test_a_project_that_comes_later_by_name_yields_to_the_other(tenant: Tenant) -> None:
    asyncio.run(tenant.as_other("able", Intent(KEY, "create")))
    run = tenant.peakctl("apply", "-y")
    assert run.code == 13
    assert "able/local is making or changing it right now" in run.err
    assert not tenant.flows()
    ledger = tenant.ledger()
    assert (ledger.lease, ledger.intents) == (None, ())


def test_what_another_has_made_since_we_looked_is_looked_for_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ledger may as well tell of what was deleted since: then we go on."""
    held = asyncio.run(tenant.as_other("zoo", Intent(KEY, "create")))

    async def report() -> None:
        async with tenant.api() as api:
            store = ArtifactLedgers(api, tenant.clock)
            held._client = LedgerClient(store, Owner("zoo", "local"), tenant.clock, lambda _: 1)
            owned = {KEY: Owned(KEY, 12345)}
            await held.finish(owned=owned, intents=(), outcome="done", counts={})

    asyncio.run(report())
    looks: list[Any] = []
    plain = ownership.made_meanwhile

    def looked(*given: Any) -> Any:
        looks.append(plain(*given))
        return looks[-1]

    monkeypatch.setattr(ownership, "made_meanwhile", looked)
    assert tenant.peakctl("apply", "-y").code == 0
    assert looks == [{KEY}, {KEY}]
    assert len(tenant.flows()) == 1


def test_the_first_by_name_waits_for_the_other_and_then_gives_up(tenant: Tenant) -> None:
    asyncio.run(tenant.as_other("zoo", Intent(KEY, "create")))
    started = tenant.clock.time
    assert tenant.peakctl("apply", "-y").code == 13
    assert tenant.clock.time - started >= 30


def test_the_first_by_name_goes_on_once_the_other_has_stopped(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asyncio.run(tenant.as_other("zoo", Intent(KEY, "create")))
    sleep = tenant.clock.sleep

    async def sleep_and_stop(seconds: float) -> None:
        await sleep(seconds)
        async with tenant.api() as api:
            held._client = LedgerClient(
                ArtifactLedgers(api, tenant.clock), Owner("zoo", "local"), tenant.clock, lambda _: 1
            )
            monkeypatch.setattr(tenant.clock, "sleep", sleep)
            await held.finish(owned={}, intents=(), outcome="stopped", counts={})

    monkeypatch.setattr(tenant.clock, "sleep", sleep_and_stop)
    assert tenant.peakctl("apply", "-y").code == 0
    assert len(tenant.flows()) == 1


def test_nothing_to_destroy_any_more_is_forgotten(tenant: Tenant) -> None:
    tenant.peakctl("apply", "-y")
    (flow,) = tenant.flows()
    tenant.send("DELETE", f"service/workflows/api/v1/workflows/{flow['id']}")
    assert tenant.peakctl("destroy", "-y").code == 0
    assert not tenant.ledger().owned


def test_a_run_that_was_unlocked_says_so_and_what_it_put_in_whose_place(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was alive, and another run made the same meanwhile."""
    finish = HeldLease.finish

    async def unlocked(self: HeldLease, **given: Any) -> None:
        theirs = replace(self.ledger, lease=None, owned={KEY: Owned(KEY, "theirs")}, seen=1, base=1)
        await self._client.store.append(
            self._revision.id, write_ledger(replace(theirs, writer="x"))
        )
        await finish(self, **given)

    monkeypatch.setattr(HeldLease, "finish", unlocked)
    run = tenant.peakctl("apply", "-y", "-o", "json")
    assert run.code == 14
    told = json.loads(run.out)
    assert [each["code"] for each in told["errors"]] == ["lease/lost"]
    (warning,) = told["warnings"]
    (flow,) = tenant.flows()
    assert warning["code"] == "ledger/replaced"
    assert f"id {flow['id']} is in the ledger now, in the place of id theirs" in warning["summary"]


# --- what is ours, and what only has the name ---------------------------------------------


def by_hand(tenant: Tenant, url: str = "https://example.com/theirs") -> str:
    """Somebody else makes a workflow of our name."""
    steps = {"call": {"type": "http", "method": "post", "url": url}}
    path = "service/workflows/api/v1/workflows/"
    return str(tenant.send("POST", path, {"name": "nightly", "steps": steps})["id"])


def delete(tenant: Tenant, id_: str) -> None:
    tenant.send("DELETE", f"service/workflows/api/v1/workflows/{id_}")


def fault(tenant: Tenant, **rule: Any) -> None:
    tenant.emulator.faults += read_faults(rule)


def is_left_alone(tenant: Tenant, id_: str) -> None:
    """Neither changed without a consent nor deleted."""
    before = tenant.send("GET", f"service/workflows/api/v1/workflows/{id_}")
    tenant.emulator.faults.clear()
    assert "guard/adopt" in tenant.peakctl("apply", "-y").err
    assert "destroy/not-owned" in tenant.peakctl("destroy", "-y").err
    assert tenant.send("GET", f"service/workflows/api/v1/workflows/{id_}") == before


def killed(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, at: str, *words: str) -> None:
    """A run that dies at a request, after the platform has answered it."""

    class Killed(BaseException):
        pass

    send = Api.send

    async def die(self: Api, method: str, path: str, **more: Any) -> Any:
        answer = await send(self, method, path, **more)
        if f"{method} {path}".startswith(at):
            raise Killed
        return answer

    async def never(*given: Any, **more: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Api, "send", die)
        patch.setattr(HeldLease, "finish", never)
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - alone, or in a group
            tenant.peakctl(*words)
        assert "Killed" in repr(caught.value)
    tenant.clock.time += 10_000


def test_a_create_that_certainly_failed_makes_nothing_ours(tenant: Tenant) -> None:
    fault(tenant, method="POST", path="/workflows/", action="status", status=422)
    assert tenant.peakctl("apply", "-y").code != 0
    assert tenant.ledger().intents == ()
    is_left_alone(tenant, by_hand(tenant))


def test_a_create_that_was_never_sent_makes_nothing_ours(tenant: Tenant) -> None:
    tenant.write(IMAGE + (FLOW % "") + "dependsOn: [Image/slow]\n")
    fault(tenant, method="POST", path="/images/", action="status", status=422)
    assert tenant.peakctl("apply", "-y").code != 0
    tenant.write(FLOW % "")
    is_left_alone(tenant, by_hand(tenant))


def test_what_somebody_else_has_just_made_is_not_ours(tenant: Tenant) -> None:
    fault(tenant, method="POST", path="/workflows/", action="status", status=504)
    sleep = tenant.clock.sleep
    made: list[Any] = []

    async def sleep_and_make(seconds: float) -> None:
        await sleep(seconds)
        if not made and tenant.writes():
            made.append("")
            tenant.emulator.faults.clear()
            steps = {"call": {"type": "http", "method": "post", "url": "https://example.com/x"}}
            path = "service/workflows/api/v1/workflows/"
            made[0] = (await tenant._send("POST", path, {"name": "nightly", "steps": steps}))["id"]

    tenant.clock.sleep = sleep_and_make
    run = tenant.peakctl("apply", "-y")
    assert "someone else made it" in run.out + run.err
    is_left_alone(tenant, made[0])


def test_an_edit_that_died_does_not_make_another_thing_of_the_name_ours(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.peakctl("apply", "-y")
    (flow,) = tenant.flows()
    tenant.write(FLOW % ", tags: [{name: x}]")
    killed(tenant, monkeypatch, "PUT service/workflows", "apply", "-y")
    delete(tenant, flow["id"])
    is_left_alone(tenant, by_hand(tenant))


def test_a_delete_that_died_does_not_make_another_thing_of_the_name_ours(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.peakctl("apply", "-y")
    killed(tenant, monkeypatch, "DELETE service/workflows", "destroy", "-y")
    is_left_alone(tenant, by_hand(tenant))


def test_a_create_that_died_makes_the_thing_ours(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tenant, monkeypatch, "POST service/workflows", "apply", "-y")
    tenant.write(FLOW % ", tags: [{name: x}]")
    assert tenant.peakctl("apply", "-y").code == 0
    assert (len(tenant.flows()), tenant.ledger().intents) == (1, ())


def test_what_was_deleted_by_hand_and_made_again_by_a_run_that_died_is_ours(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.peakctl("apply", "-y")
    delete(tenant, tenant.flows()[0]["id"])
    killed(tenant, monkeypatch, "POST service/workflows", "apply", "-y")
    tenant.write(FLOW % ", tags: [{name: x}]")
    assert tenant.peakctl("apply", "-y").code == 0
    (flow,) = tenant.flows()
    assert str(tenant.ledger().owned[KEY].id) == str(flow["id"])


def test_an_adoption_that_died_stays_agreed_to(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(tenant)
    killed(tenant, monkeypatch, "PUT service/workflows", "apply", "-y", "--adopt")
    tenant.write(FLOW % ", tags: [{name: x}]")
    assert tenant.peakctl("apply", "-y").code == 0
    assert tenant.ledger().owned.keys() == {KEY}


def test_what_died_unsent_and_is_not_there_is_forgotten_by_a_destroy(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tenant, monkeypatch, "POST service/workflows", "apply", "-y")
    delete(tenant, tenant.flows()[0]["id"])
    assert tenant.peakctl("destroy", "-y").code == 0
    assert tenant.ledger().intents == ()
    is_left_alone(tenant, by_hand(tenant))


# --- what a run without changes writes down -------------------------------------------------

PROTECT = "lifecycle: {protect: true}\n"


def test_a_protection_that_the_ledger_could_not_take_is_an_error(tenant: Tenant) -> None:
    tenant.peakctl("apply", "-y")
    tenant.write((FLOW % "") + PROTECT)
    fault(tenant, method="PUT", path="/artifacts/", action="status", status=403)
    run = tenant.peakctl("apply", "-y", "-o", "json")
    assert run.code == 14
    assert [error["code"] for error in json.loads(run.out)["errors"]] == ["ledger/not-noted"]
    tenant.emulator.faults.clear()
    assert tenant.peakctl("apply", "-y").code == 0
    assert tenant.ledger().owned[KEY].protect


def test_a_protection_that_has_to_wait_for_another_run_is_an_error(tenant: Tenant) -> None:
    tenant.peakctl("apply", "-y")
    asyncio.run(tenant.as_other("shop"))
    tenant.write((FLOW % "") + PROTECT)
    run = tenant.peakctl("apply", "-y")
    assert run.code == 13
    assert "ledger/not-noted" in run.err


def test_what_else_could_not_be_noted_is_a_warning(tenant: Tenant) -> None:
    tenant.peakctl("apply", "-y")
    delete(tenant, tenant.flows()[0]["id"])
    fault(tenant, method="PUT", path="/artifacts/", action="status", status=403)
    run = tenant.peakctl("destroy", "-y")
    assert run.code == 0
    assert "ledger/not-noted" in run.err
    tenant.emulator.faults.clear()
    assert tenant.peakctl("destroy", "-y").code == 0
    assert not tenant.ledger().owned


# --- taking over from several ---------------------------------------------------------------


def of_two_others(tenant: Tenant) -> None:
    """Two other projects own a workflow each, and ours wants both otherwise."""
    for project, flow in (("able", ""), ("baker", "-2")):
        (tenant.folder / "peakctl.yaml").write_text(PROJECT.replace("shop", project))
        tenant.write(FLOW % flow)
        assert tenant.peakctl("apply", "-y").code == 0
    (tenant.folder / "peakctl.yaml").write_text(PROJECT)
    both = (FLOW % "") + "---\n" + (FLOW % "-2")
    tenant.write(both.replace("example.com", "example.org"))


TAKE = ("apply", "-y", "--take-over", "able", "--take-over", "baker")


def test_nothing_is_taken_over_while_one_of_the_owners_is_at_work(tenant: Tenant) -> None:
    of_two_others(tenant)
    asyncio.run(tenant.as_other("baker"))
    run = tenant.peakctl(*TAKE)
    assert run.code == 13
    assert "baker/local" in run.err
    assert "able/local" in tenant.peakctl("apply", "-y").err
    tenant.clock.time += 10_000
    assert tenant.peakctl(*TAKE).code == 0
    assert tenant.ledger().intents == ()


def test_what_was_taken_out_of_its_ledger_is_still_to_become_ours(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_two_others(tenant)
    plain = lease.disown

    async def disown(client: LedgerClient, owner: Owner, *given: Any, **more: Any) -> None:
        if owner.project == "baker":
            raise LeaseHeld(Diagnostic("lease/held", "it is at work now"))
        await plain(client, owner, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(lease, "disown", disown)
        assert tenant.peakctl(*TAKE).code == 13
    assert [intent.key for intent in tenant.ledger().intents] == [KEY]
    assert tenant.peakctl(*TAKE).code == 0
    assert len(tenant.ledger().owned) == 2
    assert tenant.ledger().intents == ()


def test_a_ci_apply_waits_for_the_lease_of_another_run_as_long_as_it_is_told(
    tenant: Tenant,
) -> None:
    asyncio.run(tenant.as_other("shop"))
    held = tenant.peakctl("ci", "apply", "--no-comment")
    assert held.code == 13
    began = tenant.clock.now()
    held = tenant.peakctl("ci", "apply", "--no-comment", "--wait-for-lease", "5m")
    assert held.code == 13
    assert tenant.clock.now() - began == pytest.approx(300)
    assert "waiting for the lease: bob is applying shop/local since " in held.err
    done = tenant.peakctl("ci", "apply", "--no-comment", "--wait-for-lease", "20m")
    assert done.code == 0
    assert "took over the lease of bob: it expired at " in done.err
    assert tenant.clock.now() - began < 900 + 11
    assert len(tenant.flows()) == 1
    assert tenant.ledger().lease is None


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_apply_and_destroy_wait_for_the_lease_of_another_run_too(
    tenant: Tenant, command: str
) -> None:
    assert tenant.peakctl("apply", "--yes").code == 0
    if command == "apply":
        tenant.write((FLOW % "").replace("hook", "other"))
    asyncio.run(tenant.as_other("shop"))
    assert tenant.peakctl(command, "--yes").code == 13
    began = tenant.clock.now()
    held = tenant.peakctl(command, "--yes", "--wait-for-lease", "1m")
    assert held.code == 13
    assert tenant.clock.now() - began == pytest.approx(60)
    done = tenant.peakctl(command, "--yes", "--wait-for-lease", "20m")
    assert done.code == 0
    assert "waiting for the lease: bob is applying shop/local since " in done.err
    assert "took over the lease of bob: it expired at " in done.err
    assert len(tenant.flows()) == (1 if command == "apply" else 0)


class OtherJob:
    """A job of another run holds the lease since the beginning, and its host tells of it."""

    make_host: ClassVar[Any] = None

    def __init__(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tenant, self.began, self.host = tenant, tenant.clock.now(), self.make_host()
        monkeypatch.setattr(find, "open_transport", lambda _: self.host.transport())

    def holds(self, ci: CiJob) -> None:
        async def take() -> None:
            async with self.tenant.api() as api:
                store, owner = ArtifactLedgers(api, self.tenant.clock), Owner("shop", "local")
                client = LedgerClient(store, owner, self.tenant.clock, lambda _: None)
                actor = Actor("bob", host="elsewhere", process="7:1", ci=ci)
                await HeldLease.acquire(client, Run("r", actor, "apply"), ())

        asyncio.run(take())

    def time(self, after: float) -> datetime:
        return datetime.fromtimestamp(self.began + after, UTC)


class OtherGithub(OtherJob):
    make_host = FakeGithub
    variables: ClassVar = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_TOKEN": "ghs_0123456789",
        "GITHUB_RUN_ID": "92",
    }
    url = "https://github.com/acme/shop/actions/runs/91"

    def ended(self, after: float | None, now: float) -> None:
        status = "in_progress" if after is None else "completed"
        at = self.time(after or 0).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.host.attempt = {"id": 91, "status": status, "updated_at": at}
        self.host.date = format_datetime(self.time(now), usegmt=True)


class OtherGitlab(OtherJob):
    make_host = FakeGitlab
    variables: ClassVar = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_URL": "https://gitlab.example.com/acme/shop",
        "CI_PROJECT_ID": "42",
        "GITLAB_TOKEN": "glpat-0123456789",
    }
    url = "https://gitlab.example.com/acme/shop/-/jobs/2"

    def ended(self, after: float | None, now: float) -> None:
        at = None if after is None else self.time(after).isoformat(timespec="milliseconds")
        self.host.job = {"id": 2, "status": "canceled" if at else "running", "finished_at": at}
        self.host.date = format_datetime(self.time(now), usegmt=True)


@pytest.mark.parametrize("kind", [OtherGithub, OtherGitlab])
def test_a_lease_that_a_job_left_behind_is_taken_over_once_its_host_says_so(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_REF", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in kind.variables.items():
        monkeypatch.setenv(name, value)
    other = kind(tenant, monkeypatch)
    other.holds(CiJob("91", "apply", 2, kind.url))
    apply = ("ci", "apply", "--no-comment")
    other.ended(None, now=600)
    assert tenant.peakctl(*apply).code == 13  # it is at it
    other.ended(60, now=120)
    assert tenant.peakctl(*apply).code == 13  # what it sent may still arrive
    other.ended(-60, now=600)
    assert tenant.peakctl(*apply).code == 13  # it has renewed its lease since
    other.host.fail("GET", "s/", httpx.Response(502, html="<html>"))
    assert tenant.peakctl(*apply).code == 13
    other.host.faults.clear()
    other.ended(60, now=600)
    done = tenant.peakctl(*apply)
    assert done.code == 0
    assert "took over the lease of ci run 91 (job apply)" in done.err
    assert tenant.ledger().lease is None
    assert other.host.broken == []


@pytest.mark.parametrize("url", ["", "https://github.com/other/repo/actions/runs/91"])
def test_what_a_host_says_of_its_own_jobs_says_nothing_of_others(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for name, value in OtherGithub.variables.items():
        monkeypatch.setenv(name, value)
    other = OtherGithub(tenant, monkeypatch)
    other.ended(60, now=600)
    other.holds(CiJob("91", "apply", 2, url))
    assert tenant.peakctl("ci", "apply", "--no-comment").code == 13
