"""`dataclass` as in the standard library, except that its methods are written at the first use.

The standard library compiles six functions for each frozen class while its module is imported: half
a millisecond for each of some 250 classes, of which a run makes instances of a few dozen. Here a
class waits, and has the standard library write them when something first asks for `__init__` or
for the fields. Nothing else can come first: whoever compares or prints has an instance.

Take it for what is imported at the start of a run; classes without slots are made at once.
"""

from __future__ import annotations

import dataclasses
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """As `dataclasses.dataclass`, which type checkers see in its place."""
        if cls is None:
            return lambda waiting: dataclass(waiting, **options)
        return (
            _wait(cls, options) if options.get("slots") else dataclasses.dataclass(cls, **options)
        )


_lock = RLock()
_NOT_COPIED = frozenset(("__dict__", "__weakref__", "__slots__"))


class _Pending:
    """A member of a class whose methods are not written yet: whoever asks for it gets the real one.

    `defaults` are what the body of the class gave for fields, which slots take the place of.
    """

    def __init__(self, name: str, defaults: dict[str, Any], options: dict[str, bool]) -> None:
        self.name = name
        self.defaults = defaults
        self.options = options

    def __get__(self, instance: object, owner: type) -> Any:
        with _lock:
            cls = next(each for each in owner.__mro__ if self.name in each.__dict__)
            if cls.__dict__[self.name] is self:
                _write_methods(cls, self.defaults, self.options)
        return getattr(owner if instance is None else instance, self.name)


def _wait(cls: type, options: dict[str, bool]) -> type:
    """The class with its slots, and without methods so far."""
    names = [name for name, type_ in cls.__annotations__.items() if not _is_of_class(type_)]
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    kept = _NOT_COPIED | defaults.keys()
    body = {name: value for name, value in cls.__dict__.items() if name not in kept}
    body["__slots__"] = tuple(name for name in names if name not in inherited)
    if options.get("frozen"):
        body |= {"__getstate__": _state, "__setstate__": _set_state}
    for name in ("__init__", "__dataclass_fields__", "__dataclass_params__", "__match_args__"):
        body[name] = _Pending(name, defaults, options)
    made = type(cls)(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


def _is_of_class(annotation: object) -> bool:
    return str(annotation).removeprefix("typing.").startswith("ClassVar")


def _write_methods(cls: type, defaults: dict[str, Any], options: dict[str, bool]) -> None:
    """Have the standard library make a class of the same body, and take its methods."""
    left_out = {*_NOT_COPIED, *cls.__dict__["__slots__"]}
    body = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in left_out and not isinstance(value, _Pending)
    }
    plain = type(cls)(cls.__name__, cls.__bases__, {**body, **defaults})
    plain.__qualname__ = cls.__qualname__
    model: type = dataclasses.dataclass(plain, **options)
    names = {*cls.__annotations__, *_NOT_COPIED}
    for name, value in model.__dict__.items():
        if name not in names and not (name in body and body[name] is value):
            setattr(cls, name, value)


def _state(self: Any) -> list[object]:
    """For `copy` and `pickle`, which could not set the attributes of a frozen class."""
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[object]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
