"""`notify` of peakctl.yaml: who is told of applies, failures and drift, and how."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from peakctl.model import JsonObject, Value
from peakctl.model import Path as Place
from peakctl.model.records import dataclass


class Occasion(enum.StrEnum):
    """What a notification may tell of."""

    APPLY = "apply"
    FAILURE = "failure"
    DRIFT = "drift"


class Shape(enum.StrEnum):
    """What the receiver of a webhook reads."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A message to the address in the environment variable `url_from`."""

    url_from: str
    shape: Shape = Shape.JSON

    def __str__(self) -> str:
        return f"webhook {self.url_from} ({self.shape})"


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail: a template of the platform, filled in. Without a `subject` it says what it is."""

    to: tuple[str, ...]
    template: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        copies = {"cc": " ".join(self.cc), "bcc": " ".join(self.bcc)}
        more = {**copies, "subject": self.subject, **self.parameters}
        told = "".join(f" {word}={value}" for word, value in more.items() if value)
        return f"e-mail {self.template} to {' '.join(self.to)}{told}"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of telling, and of what."""

    after: tuple[Occasion, ...]
    way: Mail | Webhook

    def __str__(self) -> str:
        return f"after {'/'.join(self.after) or 'nothing'}: {self.way}"


def read_channels(value: Sequence[JsonObject | None] | None) -> tuple[Channel, ...] | None:
    """The channels of a list that fits the schema; None where there is none, () turns them off.

    What the schema refused is None, and passed over, as is what `flaws_of` tells.
    """
    if value is None:
        return None
    return tuple(Channel(_after(each), way) for each in value if each and (way := _way(each)))


def flaws_of(value: Sequence[JsonObject | None] | None) -> Iterator[tuple[Place, str, str]]:
    """Where, what and how to mend: what the schema cannot say."""
    for index, each in enumerate(value or ()):
        if each is not None and bool(each.get("email")) == bool(each.get("webhook")):
            many = "both email and webhook" if each.get("email") else "neither email nor webhook"
            yield (index,), f"a notification has {many}", "give each one of the two"


def webhook_variables(lists: Iterable[tuple[Channel, ...] | None]) -> frozenset[str]:
    """The variables that hold addresses: secrets, which templates do not get."""
    ways = (channel.way for each in lists for channel in each or ())
    return frozenset(way.url_from for way in ways if isinstance(way, Webhook))


def _after(value: JsonObject) -> tuple[Occasion, ...]:
    words = value.get("after")
    return tuple(Occasion) if words is None else tuple(Occasion(word) for word in words if word)


def _way(value: JsonObject) -> Mail | Webhook | None:
    mail, hook = value.get("email") or {}, value.get("webhook") or {}
    if mail.get("to") and mail.get("template"):
        return Mail(
            to=_texts(mail["to"]),
            template=mail["template"],
            cc=_texts(mail.get("cc")),
            bcc=_texts(mail.get("bcc")),
            subject=mail.get("subject"),
            parameters=mail.get("parameters") or {},
        )
    if hook.get("urlFrom"):
        return Webhook(hook["urlFrom"], Shape(hook.get("shape") or Shape.JSON))
    return None


def _texts(value: Sequence[str | None] | None) -> tuple[str, ...]:
    return tuple(filter(None, value or ()))
