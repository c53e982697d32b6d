"""Digests of values that reads do not show: computed here, stored in the ledger, compared later.

Secrets are digested slowly, so that a short one cannot be found by trying; everything else is not
secret, and quick.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from peakctl.model import Ledger, Live, Resource, Verb, holds_secret, reveal, sealed_below
from peakctl.model.values import (
    EMPTY,
    MAPS,
    MISSING,
    Key,
    Path,
    Secret,
    Unknown,
    Value,
    is_masked,
    leaves,
)

COST = 2**14
"""Of scrypt: 16 MiB and some 50 ms for each secret."""
LIGHT = 2
"""Of scrypt, for digests that never leave the memory of the run."""
SHORT = 24
"""Digits of a short digest."""
_REMEMBERED = 20_000


class Digests:
    """Digests under one salt. A secret is worked on once in the life of the process.

    `cost` is that of scrypt, a power of 2 (0: the full one).
    """

    def __init__(self, salt: str, cost: int = 0) -> None:
        self._salt = salt
        self._cost = cost

    def of(self, value: Value) -> str:
        """The digest of a value: the same for the same JSON alone (1 is not true)."""
        text = json.dumps(self._opaque(value), sort_keys=True)
        return hashlib.sha256(f"{self._salt}:{text}".encode()).hexdigest()

    def short(self, value: Value) -> str:
        """The beginning of the digest of a value without secrets, where a hint is enough."""
        return self.of(value)[:SHORT]

    def of_whole(self, value: Value) -> str:
        """The same, slow, for a value that may have secrets in it that are not marked as such."""
        return self.of(Secret(reveal(value)))

    def work_ahead(self, values: Iterable[Value]) -> None:
        """Work on the secrets in `values`, which will be asked for, on all cores at once."""
        found = (leaf for value in values for leaf in leaves(value))
        texts = {_text(leaf) for leaf in found if isinstance(leaf, Secret)}
        if len(texts) > 1:
            work = functools.partial(_slowly, salt=self._salt, cost=self._cost or COST)
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets other threads run
                list(pool.map(work, texts))

    def _opaque(self, value: Value) -> Value:
        """JSON without secrets."""
        match value:
            case Secret():
                return f"secret:{self._of_secret(value)}"
            case Unknown():
                return f"unknown:{value.of}.{value.attribute}"
            case list() | tuple():
                return [self._opaque(v) for v in value]
            case _ if isinstance(value, MAPS):
                return {k: self._opaque(v) for k, v in value.items()}
            case _ if value is MISSING:
                return {"\0": "missing"}  # no manifest has such a key
            case _:
                return value

    def _of_secret(self, secret: Secret) -> str:
        return _slowly(_text(secret), salt=self._salt, cost=self._cost or COST)


def _text(secret: Secret) -> str:
    return json.dumps(secret.reveal(), sort_keys=True, default=str)


@functools.lru_cache(_REMEMBERED)
def _slowly(text: str, salt: str, cost: int) -> str:
    slow = hashlib.scrypt(text.encode(), salt=salt.encode(), n=cost, r=8, p=1, dklen=32)
    return slow.hex()


# --- as a ledger has them --------------------------------------------------------------------


def place(path: Path) -> str:
    """A path as ledgers write it: `spec/parameters/env/A`, a JSON pointer without its first mark.

    Unlike the form that users read it has no two meanings, whatever the keys are.
    """
    return "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def path_of(place: str) -> Path:
    """The path of a place in a ledger; numbers of items stay text."""
    return tuple(_word(part) for part in place.split("/"))


_FIELD = "field:"
_FIELD_DIGITS = 10
"""Of the digest of a field: it tells what has changed, and decides nothing."""


def field_entry(path: Path) -> str:
    """The name under which the digest of a field as a whole stands among those of a resource."""
    return f"{_FIELD}{place(path)}"


def field_digest(value: Value, digests: Digests) -> str:
    """That of what a field has, if it has anything; secrets have no part in it."""
    return digests.of(value)[:_FIELD_DIGITS]


def with_fields(digests: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, str]:
    """The digests of a resource with others of its fields; none of `fields` leaves them."""
    if not fields:
        return dict(digests)
    return {n: each for n, each in digests.items() if not n.startswith(_FIELD)} | dict(fields)


class StoredDigests:
    """The digests of one resource, as it was last applied, and the places of its secrets."""

    def __init__(
        self,
        digests: Mapping[str, str] = EMPTY,
        digests_of: Digests | None = None,
        secret: Collection[str] = (),
    ) -> None:
        self._digests = digests
        self._secret = frozenset(secret)
        self._digests_of = digests_of or Digests("")
        self._sent = _values_of(digests, "sent:")
        self._edits = _values_of(digests, "edit:")

    def same(self, path: Path, value: Value) -> bool | None:
        """Whether `value` is what was at `path`; None when nothing is known of that very place.

        MISSING asks whether nothing was there. A value is the same whether it was a secret then or
        is one now: a release that is read later may show that it hides it, or that it does not.
        """
        known = self._digests.get(place(path))
        if known is None:
            return None
        forms = [value]
        if holds_secret(value):
            forms.append(reveal(value))
        elif self.was_secret(path):
            forms.append(sealed_below(value))
        return any(known == self._digests_of.of(form) for form in forms)

    @property
    def has_fields(self) -> bool:
        """Whether the last apply wrote down what the fields were."""
        return any(name.startswith(_FIELD) for name in self._digests)

    def was_field(self, path: Path, value: Value) -> bool:
        """Whether a field was `value` when it was last applied; MISSING asks if it was nothing."""
        known = self._digests.get(field_entry(path))
        if known is None or value is MISSING:
            return known is None and value is MISSING
        return known == field_digest(value, self._digests_of)

    def was_sent(self, text: str) -> bool:
        """Whether the last apply sent this very text, wherever."""
        return bool(self._sent) and self._digests_of.short(text) in self._sent

    def was_edited(self, words: Value) -> bool:
        """Whether the last apply made the edit that `words` tell of."""
        return bool(self._edits) and self._digests_of.short(words) in self._edits

    def words(self, path: Path) -> list[str]:
        """The keys below `path` of which something is known."""
        return _words_below(self._digests, path)

    def places_below(self, path: Path) -> list[Path]:
        """The places below `path` of which a value is known."""
        above = f"{place(path)}/"
        return [path_of(each) for each in self._digests if each.startswith(above)]

    def secret_words(self, path: Path) -> list[str]:
        """The keys below `path` that hold a secret, or are one."""
        return _words_below(self._secret, path)

    def has(self, path: Path) -> bool:
        """Whether the value at `path` is known as one."""
        return place(path) in self._digests

    def was_secret(self, path: Path) -> bool:
        """Whether a secret was applied at `path`, alone or as a part of one around it."""
        return any(place(path[:length]) in self._secret for length in range(1, len(path) + 1))

    def knows(self, path: Path) -> bool:
        """Whether the value at `path` is known, as one or entry by entry."""
        return self.has(path) or bool(self.words(path))


def _words_below(places: Iterable[str], path: Path) -> list[str]:
    above = f"{place(path)}/"
    found = (key[len(above) :] for key in places if key.startswith(above))
    return list(dict.fromkeys(_word(rest.partition("/")[0]) for rest in found))


def _values_of(digests: Mapping[str, str], prefix: str) -> frozenset[str]:
    return frozenset(each for name, each in digests.items() if name.startswith(prefix))


def _word(text: str) -> str:
    return text.replace("~1", "/").replace("~0", "~")


MAKE_VERSIONS = (Verb.BUILD, Verb.RELEASE)
NO_DIGESTS = StoredDigests()
"""Knows nothing."""


def find_unreported(ledger: Ledger) -> frozenset[tuple[Key, str | None]]:
    """The versions that runs set out to make and never reported on, each with its resource."""
    return frozenset(
        (intent.key, intent.version)
        for intent in ledger.intents
        if intent.verb in MAKE_VERSIONS and intent.version is not None
    )


def digest_ahead(
    ledger: Ledger | None, resources: Mapping[Key, Resource], live: Mapping[Key, Live]
) -> None:
    """Work on the secrets that a plan is about to compare with their digests.

    Those that a read shows, and shows unchanged, are not compared.
    """
    if ledger is None:
        return
    owned = {each.live_id: each for each in ledger.owned.values()}
    found: list[Value] = []
    for key, there in live.items():
        entry, resource = owned.get(there.live_id), resources.get(key)
        if entry is not None and resource is not None:
            for at in entry.secret or ():
                found += _compared_at(path_of(at), resource.values, there.values)
    Digests(ledger.salt).work_ahead(found)


def _compared_at(path: Path, desired: Value, live: Value) -> list[Value]:
    """The values at `path` whose secrets are digested when the two are compared."""
    wanted, there = _at(desired, path), _at(live, path)
    if there is MISSING or is_masked(there):
        return [wanted]
    return [] if reveal(wanted) == reveal(there) else [wanted, sealed_below(there)]


def _at(value: Value, path: Path) -> Value:
    """As `value_at`, for a path from a ledger: numbers of items are text there."""
    for word in path:
        if isinstance(value, list):
            found = value[int(word)] if str(word).isdigit() and int(word) < len(value) else MISSING
        else:
            found = value.get(word, MISSING) if isinstance(value, MAPS) else MISSING
        if found is MISSING:
            return MISSING
        value = found
    return value


def stored_digests(ledger: Ledger | None) -> Callable[[Live], StoredDigests]:
    """The digests of each live resource: they follow the id, whatever the name was.

    All of them share their work on secrets. Of a version that a run set out to make, and never
    reported on, nothing is known but where secrets were: the digests are those of the one before.
    """
    if ledger is None:
        return lambda _: NO_DIGESTS
    unreported = find_unreported(ledger)
    digests_of = Digests(ledger.salt)
    owned = {each.live_id: each for each in ledger.owned.values()}

    def stored(live: Live) -> StoredDigests:
        found = owned.get(live.live_id)
        if found is None:
            return NO_DIGESTS
        digests = EMPTY if (live.key, live.version) in unreported else found.digests
        return StoredDigests(digests, digests_of, found.secret or ())

    return stored
