"""Classes whose methods are written at the first use act as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from peakctl.model import records


def make(decorator: Any, **options: bool) -> Any:
    """The same class by the standard library's decorator, or by ours."""

    @decorator(slots=True, **options)
    class Sample:
        """What it is."""

        total: ClassVar[int] = 3
        name: str
        size: int = 2
        tags: list[str] = dataclasses.field(default_factory=list, compare=False, repr=False)
        seen: int = dataclasses.field(default=7, init=False)

        @property
        def twice(self) -> int:
            return self.size * 2

    return Sample


OPTIONS: list[dict[str, bool]] = [
    {},
    {"frozen": True},
    {"frozen": True, "order": True},
    {"kw_only": True},
    {"eq": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_class_acts_as_that_of_the_standard_library(options: dict[str, bool]) -> None:
    ours, theirs = make(records.dataclass, **options), make(dataclasses.dataclass, **options)
    one, two = (cls(name="a", tags=["x"]) for cls in (ours, theirs))
    assert repr(one) == repr(two)
    assert [f.name for f in dataclasses.fields(ours)] == ["name", "size", "tags", "seen"]
    assert ours.__match_args__ == theirs.__match_args__
    assert ours.__slots__ == theirs.__slots__
    assert (ours.__doc__, ours.total, one.twice) == (theirs.__doc__, 3, 4)
    assert (one == ours(name="a")) is (two == theirs(name="a"))
    assert (ours.__hash__ is None) is (theirs.__hash__ is None)
    assert dataclasses.replace(one, size=9).size == 9
    assert one.seen == 7
    assert dataclasses.asdict(one) == dataclasses.asdict(two)
    assert set(theirs.__dict__) - set(ours.__dict__) <= {"__static_attributes__", "__replace__"}


def test_a_frozen_one_is_frozen_and_can_be_copied() -> None:
    one = make(records.dataclass, frozen=True)("a", tags=["x"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name
    assert copy.copy(one).tags is one.tags
    assert copy.deepcopy(one).tags == ["x"]
    assert not hasattr(one, "__dict__")


def test_an_order_is_kept() -> None:
    ours = make(records.dataclass, frozen=True, order=True)
    assert sorted([ours("b"), ours("a", 3), ours("a")]) == [ours("a"), ours("a", 3), ours("b")]


def test_the_fields_are_known_before_there_is_an_instance() -> None:
    assert [f.name for f in dataclasses.fields(make(records.dataclass))] == [
        "name",
        "size",
        "tags",
        "seen",
    ]


@records.dataclass(frozen=True, slots=True)
class Base:
    """One that another adds to, and that has a method of its own."""

    name: str

    def __str__(self) -> str:
        return f"<{self.name}>"


@records.dataclass(frozen=True, slots=True)
class Derived(Base):
    """With a field more, and a comparison of its own."""

    size: int = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Derived) and self.size == other.size

    def __hash__(self) -> int:
        return self.size


def test_what_is_inherited_or_written_by_hand_stays() -> None:
    assert Derived("a", 2) == Derived("b", 2)
    assert hash(Derived("a", 5)) == 5
    assert str(Derived("a")) == "<a>"
    assert (Base("a"), Derived.__slots__) == (Base("a"), ("size",))
    assert pickle.loads(pickle.dumps(Base("a"))) == Base("a")


def test_a_default_in_the_body_does_not_outlive_it() -> None:
    @records.dataclass(slots=True)
    class Counted:
        """Changed after it is made."""

        size: int = 1

        def __post_init__(self) -> None:
            self.size += 1

    assert Counted().size == 2
    assert Counted(5).size == 6


def test_many_threads_may_be_the_first() -> None:
    ours = make(records.dataclass, frozen=True)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ours, ["a"] * 64))
    assert found == {ours("a")}


def test_without_slots_it_is_made_at_once() -> None:
    @records.dataclass(frozen=True)
    class Plain:
        """Has a dictionary."""

        name: str

    assert Plain("a").__dict__ == {"name": "a"}
    assert "__init__" in vars(Plain)


def test_a_class_that_nothing_uses_is_not_written() -> None:
    code = (
        "from peakctl.model import plan, records\n"
        "print(isinstance(vars(plan.Action)['__init__'], records._Pending))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def with_a_marker(decorator: Any) -> Any:
    @decorator(slots=True)
    class Sample:
        """Has what is written in full at once: a field by word alone."""

        name: str
        _: dataclasses.KW_ONLY
        size: int = 1

    return Sample


def test_what_is_rare_is_left_to_the_standard_library() -> None:
    ours, theirs = with_a_marker(records.dataclass), with_a_marker(dataclasses.dataclass)
    assert repr(ours("a", size=2)) == repr(theirs("a", size=2))
    with pytest.raises(TypeError):
        ours("a", 2)


def test_a_signature_says_what_that_of_the_standard_library_says() -> None:
    ours, theirs = make(records.dataclass, frozen=True), make(dataclasses.dataclass, frozen=True)
    assert str(inspect.signature(ours)).count(",") == str(inspect.signature(theirs)).count(",")
    assert inspect.get_annotations(Base.__init__) == {"name": "str", "return": None}


def test_a_wrong_call_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"Base.__init__\(\) missing 1 required"):
        Base()  # type: ignore[call-arg]
