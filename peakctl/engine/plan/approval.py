"""The approval in a saved plan: consent to certain actions, as people were shown them.

It holds what a plan shows of each action, and a digest of all that would be sent and of the live
state that it was planned from. So no body and no secret is on disk, and nothing stale is ever sent:
apply plans again and goes on only if every action is one that was approved, and is what the file
shows. A digest over each action tells where a file was edited by hand. It holds signs of
the tenant that it was made for, so that it is not carried out on another: a token is no part of
them, since plan and apply may use two; nor are small numbers, since every tenant counts its
workflows from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from peakctl.engine.observe.live_state import LiveState
from peakctl.engine.plan.approved_action import differences, is_other, read_action, write_action
from peakctl.errors import Diagnostic
from peakctl.kinds.fields import Kind, seal_all
from peakctl.ledger.digests import LIGHT, Digests
from peakctl.model import MISSING, Action, JsonObject, Key, Listed, Plan, Step, Tree, Value, Verb
from peakctl.model.records import dataclass
from peakctl.model.values import copy_tree, holds_secret, seal_beside, set_at, value_at

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
_SHORTEST_ID = 16
"""Characters of an id that no two tenants give to different things, such as a UUID."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Signs by which a tenant is known again; none of them need be there.

    `domain` is that of its spoke, `ledger` the id of the project's own ledger, `ids` those of what
    was read (`Workflow/<uuid>`), ledgers of other projects among them. `local` is a digest of the
    address and the token of a server on this machine, None for any other: the same is the same
    tenant, another proves nothing.
    """

    domain: str | None = None
    ledger: str | None = None
    ids: frozenset[str] = frozenset()
    local: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is any sign at all."""
        return bool(self.domain or self.ledger or self.ids)

    def is_same(self, now: Tenant) -> bool:
        """Whether a sign of this one is found in `now`; False proves nothing."""
        pairs = (self.ledger, now.ledger), (self.domain, now.domain), (self.local, now.local)
        return any(mine is not None and mine == theirs for mine, theirs in pairs) or self._seen(now)

    def why_other(self, now: Tenant) -> str:
        """How `now` is certainly another tenant than this one; "" where that is not certain."""
        if self.domain and now.domain and self.domain != now.domain:
            return f'it was made for the tenant on "{self.domain}"; this one is on "{now.domain}"'
        if self.ledger is not None and self.ledger != now.ledger:
            here = f"here it has the id {now.ledger}" if now.ledger else "here there is none"
            return f"it was made where the project's ledger has the id {self.ledger}; {here}"
        if self.ledger is None and self.ids and not self._seen(now):
            return "nothing that it was made from is here: not one id is the same"
        return ""

    def _seen(self, now: Tenant) -> bool:
        return bool(self.ids & now.ids)


def read_tenant(
    observed: LiveState,
    ledgers: Iterable[Listed],
    *,
    domain: str | None,
    ledger: str | None,
    local: str | None = None,
) -> Tenant:
    """The signs of the tenant in `observed`; `ledgers` are those of all projects."""
    ids = (*_live_ids(observed), *(("Ledger", each.id) for each in ledgers))
    telling = {f"{kind}/{id_}" for kind, id_ in ids if len(str(id_)) >= _SHORTEST_ID}
    return Tenant(domain, ledger, frozenset(telling), local)


def _live_ids(observed: LiveState) -> Iterator[tuple[str, str | int]]:
    """What is not ours to change may be there in every tenant."""
    for live in observed.live.values():
        if not live.foreign:
            yield live.key.kind, live.id


FORMAT = 3
NOWHERE = Tenant()
UNKNOWN = "it was not part of the approved plan"
_TOLD = 10
"""Fields that are told of an action that is not the approved one."""


@dataclass(frozen=True, slots=True)
class Approved:
    """One action as it was approved: what was shown of it, and the digests that pin it.

    `shown` is that of `approved_action`, `digest` that of what it would send, `live` that of what
    it was planned from.
    """

    key: Key
    shown: JsonObject
    digest: str
    live: str | None

    @property
    def steps(self) -> tuple[str, ...]:
        """The calls, by name."""
        return tuple(self.shown["steps"])

    @property
    def version(self) -> str | None:
        """The number that it makes, or keeps."""
        version: str | None = self.shown["version"]
        return version


@dataclass(frozen=True, slots=True)
class Approval:
    """The actions of one plan. `salt` makes the digests of secrets this file's own.

    `cost` is that of the digests: the full one (0) unless they are never written. `tenant` is the
    one that the plan was made for, as far as the platform shows; `commit` the one that a job of a
    request planned: no file that lies in that commit can name it.
    """

    project: str
    environment: str
    salt: str
    actions: tuple[Approved, ...]
    cost: int = 0
    tenant: Tenant = NOWHERE
    commit: str = ""

    @property
    def plan(self) -> Plan:
        """The actions for readers: what was shown of them, and nothing that could be sent."""
        return Plan(tuple(read_action(each.shown) for each in self.actions))


def approve(
    plan: Plan,
    kinds: Mapping[str, Kind],
    *,
    project: str,
    environment: str,
    salt: str,
    cost: int = 0,
    tenant: Tenant = NOWHERE,
    commit: str = "",
) -> Approval:
    """Consent to everything that `plan` would do."""
    actions = tuple(_all_approved(plan, kinds, Digests(salt, cost)))
    return Approval(project, environment, salt, actions, cost, tenant, commit)


def _all_approved(plan: Plan, kinds: Mapping[str, Kind], digests: Digests) -> Iterator[Approved]:
    numbers = {action.key: action.version for action in plan.actions}
    for action in plan.pending:
        yield _approved(action, kinds[action.key.kind], digests, numbers)


def _approved(
    action: Action, kind: Kind, digests: Digests, numbers: Mapping[Key, str | None]
) -> Approved:
    live = action.live
    steps = tuple(step.value for step in action.steps)
    desired = _by_name(action, numbers)
    sent: list[Value] = [
        str(action.key),
        list(_making(steps)),
        action.version,
        seal_all(kind.root, desired),
    ]
    return Approved(
        key=action.key,
        shown=write_action(action, digests),
        digest=digests.of(sent),
        live=_seen(action, kind, digests) if live else None,
    )


def _making(steps: tuple[str, ...]) -> tuple[str, ...]:
    """The steps without what goes before a create: a run that died may have done that already."""
    create = Step.CREATE.value
    return steps[steps.index(create) :] if create in steps else steps


def _seen(action: Action, kind: Kind, digests: Digests) -> str:
    """The digest of what is live.

    Reads show secrets that only manifests mark as such, so they are sealed as those have them.
    Where an earlier manifest did, or none is at hand, all of it is digested slowly.
    """
    live = action.live
    assert live is not None  # noqa: S101 - the caller has looked
    values = seal_beside(seal_all(kind.root, live.values), [action.desired])
    seen = [live.id, live.version, values]
    gone = any(c.sensitive and not holds_secret(c.after) for c in action.changes)
    return digests.of_whole(seen) if gone or action.verb is Verb.DELETE else digests.of(seen)


def _by_name(action: Action, numbers: Mapping[Key, str | None]) -> Tree:
    """What would be sent, with resources of the same run by name and number.

    Their ids may be unknown when a plan is approved, and known when half of it has been applied.
    """
    desired: Tree = copy_tree(action.desired)
    for reference in action.resource.references if action.resource else ():
        for key in (Key(kind, reference.name) for kind in reference.kinds):
            if key in numbers and value_at(desired, reference.id_at) is not MISSING:
                set_at(desired, reference.id_at, f"{key}.id")
                if reference.version_at and value_at(desired, reference.version_at) is not MISSING:
                    wanted = reference.version or numbers[key]
                    set_at(desired, reference.version_at, f"{key}@{wanted}")
    return desired


def objections(
    approval: Approval, plan: Plan, kinds: Mapping[str, Kind], fix: str
) -> tuple[Diagnostic, ...]:
    """What the new plan would do beyond the approved one; fewer actions are fine.

    `fix` is what to do about it.
    """
    before = {approved.key: approved for approved in approval.actions}
    now = _all_approved(plan, kinds, Digests(approval.salt, approval.cost))
    return tuple(_objections(before, now, fix, was_written=not approval.cost))


def objections_to_all(
    approvals: Sequence[Approval], plan: Plan, kinds: Mapping[str, Kind], fix: str
) -> tuple[Diagnostic, ...]:
    """What the new plan would do of which no approval has the action, as it would be now.

    Where some have an action of that resource, the first of them tells the difference.
    """
    nothing = Approval("", "", "", (), LIGHT)
    found = [
        {each.key: each for each in objections(approval, plan, kinds, fix)}
        for approval in approvals or (nothing,)
    ]
    return tuple(
        next((told[key] for told in found if told[key].summary != UNKNOWN), first)
        for key, first in found[0].items()
        if all(key in told for told in found)
    )


def _objections(
    before: Mapping[Key, Approved], actions: Iterator[Approved], fix: str, *, was_written: bool
) -> Iterator[Diagnostic]:
    for now in actions:
        then = before.get(now.key)
        if then is None:
            yield _objection(now.key, UNKNOWN, None, now, fix)
        elif then.live != now.live and not _is_gone(then, now):
            yield _objection(now.key, "it was changed on the platform meanwhile", then, now, fix)
        elif then.digest != now.digest or _deletes(now) > _deletes(then):
            yield _objection(now.key, "the manifests ask for something else now", then, now, fix)
        elif was_written and not _is_gone(then, now) and is_other(then.shown, now.shown):
            yield _objection(now.key, "it is not what the plan file shows", then, now, fix)


def _deletes(action: Approved) -> bool:
    return Step.DELETE.value in action.steps


def _is_gone(then: Approved, now: Approved) -> bool:
    """Whether what was to be replaced is gone by now, and only the create is left."""
    return _deletes(then) and Step.CREATE.value in then.steps and now.live is None


def _objection(key: Key, why: str, then: Approved | None, now: Approved, fix: str) -> Diagnostic:
    before, after = _in_words(then) if then else "", _in_words(now)
    lines = [f"approved: {before}"] if then else []
    lines.append(f"now:      {'the same, with other values' if before == after else after}")
    lines += islice(differences(then.shown, now.shown), 3 * _TOLD) if then else ()
    return Diagnostic(code="plan/stale", summary=why, key=key, detail="\n".join(lines), fix=fix)


def _in_words(action: Approved) -> str:
    paths = ", ".join(path for change in action.shown["changes"] for path in change["paths"])
    fields = f" ({paths})" if paths else ""
    return f"{', '.join(action.steps)}{' ' + action.version if action.version else ''}{fields}"


def left_deletes(approval: Approval, plan: Plan) -> tuple[Key, ...]:
    """What the approval deletes and `plan` has no action for, not even that it stays."""
    planned = {action.key for action in plan.actions}
    deletes = (each.key for each in approval.actions if Step.DELETE.value in each.steps)
    return tuple(sorted(key for key in deletes if key not in planned))


def write_approval(approval: Approval) -> str:
    """The text of a plan file."""
    body: dict[str, Value] = {
        "kind": "peakctl-plan",
        "format_version": FORMAT,
        "project": approval.project,
        "environment": approval.environment,
        "salt": approval.salt,
        "tenant": {
            "domain": approval.tenant.domain,
            "ledger": approval.tenant.ledger,
            "ids": [*sorted(approval.tenant.ids)],
            "local": approval.tenant.local,
        },
        "actions": [_write_approved(each, Digests(approval.salt)) for each in approval.actions],
    }
    body |= {"commit": approval.commit} if approval.commit else {}
    sum_ = Digests(approval.salt).of(body)
    return json.dumps({**body, "checksum": sum_}, indent=1) + "\n"


def _write_approved(approved: Approved, digests: Digests) -> dict[str, Value]:
    body = {**approved.shown, "sends": approved.digest, "from": approved.live}
    return {**body, "digest": digests.of(body)}


def other_format(text: str) -> int | None:
    """The format of a plan file that another peakctl wrote; None for anything else."""
    try:
        body = json.loads(text)
        found = body["format_version"] if body["kind"] == "peakctl-plan" else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return found if is_number and found != FORMAT else None


def edited_actions(text: str) -> tuple[str, ...]:
    """The actions of a plan file of this format that are not what their digests say."""
    try:
        body = json.loads(text)
        if body["kind"] != "peakctl-plan" or body["format_version"] != FORMAT:
            return ()
        digests = Digests(_text(body["salt"]))
        edited = [each for each in body["actions"] if not _is_whole(each, digests)]
        return tuple(f"{each['kind']}/{each['name']}" for each in edited)
    except _MALFORMED:
        return ()


def _is_whole(item: JsonObject, digests: Digests) -> bool:
    body = {word: value for word, value in item.items() if word != "digest"}
    return bool(item["digest"] == digests.of(body))


def read_approval(text: str) -> Approval | None:
    """The approval in a plan file, or None when the text is not a whole one of this format."""
    try:
        body = json.loads(text)
        checksum = body.pop("checksum")
        if body["kind"] != "peakctl-plan" or body["format_version"] != FORMAT:
            return None
        digests = Digests(_text(body["salt"]))
        whole = all(_is_whole(item, digests) for item in body["actions"])
        if not whole or checksum != digests.of(body):
            return None
        actions = tuple(_read_approved(item) for item in body["actions"])
        where = (_text(body["project"]), _text(body["environment"]))
        tenant, commit = _read_tenant(body["tenant"]), _text(body.get("commit", ""))
        return Approval(*where, body["salt"], actions, tenant=tenant, commit=commit)
    except _MALFORMED:
        return None


def _read_tenant(item: JsonObject) -> Tenant:
    ids = frozenset(_text(each) for each in item["ids"])
    domain, ledger, local = (_text_or_none(item[word]) for word in ("domain", "ledger", "local"))
    return Tenant(domain, ledger, ids, local)


def _read_approved(item: JsonObject) -> Approved:
    own = ("sends", "from", "digest")
    shown = {word: value for word, value in item.items() if word not in own}
    key = read_action(shown).key  # what cannot be shown was not approved
    return Approved(key, shown, _text(item["sends"]), _text_or_none(item["from"]))


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
