"""`dataclass` as in the standard library, except that methods are written at their first use.

The standard library compiles six functions for each frozen class while its module is imported: half
a millisecond for each of some 250 classes, of which a run makes instances of a few dozen and
compares fewer. Here `__init__` is written when a class is first called, and all else by the
standard library itself when something first asks for it.

Take it for whatever is imported at the start of a run; classes without slots are made at once.
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
        make = _wait if options.get("slots") else _make
        return make(cls, options)


_lock = RLock()
_NOT_COPIED = frozenset(("__dict__", "__weakref__", "__slots__"))
_FACTS = ("__dataclass_fields__", "__dataclass_params__", "__match_args__")
_OF_CLASS = ("ClassVar", "typing.ClassVar")
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
_MISSING = dataclasses.MISSING


class _Pending:
    """A member of a class that is not written yet: whoever asks for it gets the real one.

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
                init = self.name == "__init__" and _init_of(cls, self.defaults, self.options)
                if init:
                    cls.__init__ = init  # type: ignore[misc]
                else:
                    _write_all(cls, self.defaults, self.options)
        return getattr(owner if instance is None else instance, self.name)


def _wait(cls: type, options: dict[str, bool]) -> type:
    """The class with its slots, and without methods so far."""
    names = _fields_of(cls)
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    kept = _NOT_COPIED | defaults.keys()
    body = {name: value for name, value in cls.__dict__.items() if name not in kept}
    body["__slots__"] = tuple([name for name in names if name not in inherited])
    if options.get("frozen"):
        body |= {"__setattr__": _refuse, "__delattr__": _refuse}
        body |= {"__getstate__": _state, "__setstate__": _set_state}
    for name in _names_to_write(body, options):
        body[name] = _Pending(name, defaults, options)
    made = type(cls)(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


def _make(cls: type, options: dict[str, bool]) -> type:
    made: type = dataclasses.dataclass(cls, **options)
    return made


def _fields_of(cls: type) -> list[str]:
    """The fields that the body of a class declares."""
    annotations = cls.__annotations__.items()
    return [name for name, type_ in annotations if not str(type_).startswith(_OF_CLASS)]


def _names_to_write(body: dict[str, Any], options: dict[str, bool]) -> list[str]:
    """The members that the standard library would add to a class of this body."""
    names = ["__init__", *_FACTS, *(_ORDER if options.get("order") else ())]
    names += [] if "__repr__" in body else ["__repr__"]
    if options.get("eq", True):
        has_hash = body.get("__hash__", _MISSING) is not _MISSING and not (
            body["__hash__"] is None and "__eq__" in body
        )
        if options.get("frozen") and not has_hash:
            names.append("__hash__")
        elif "__hash__" not in body:
            body["__hash__"] = None
        names += [] if "__eq__" in body else ["__eq__"]
    return names


def _init_of(cls: type, defaults: dict[str, Any], options: dict[str, bool]) -> Any:
    """`__init__` as the standard library would write it; None where it takes more than this.

    That is what inherits fields, and what has fields that are no parameters.
    """
    names = _fields_of(cls)
    given = {
        name: value if isinstance(value, dataclasses.Field) else dataclasses.field(default=value)
        for name, value in defaults.items()
    }
    plain = all(each.init and each.kw_only is _MISSING for each in given.values())
    types = " ".join(map(str, cls.__annotations__.values()))
    inherits = any("__dataclass_fields__" in base.__dict__ for base in cls.__mro__[1:])
    if not plain or inherits or "InitVar" in types or "KW_ONLY" in types:
        return None
    scope: dict[str, Any] = {"_missing": _MISSING, "_set": object.__setattr__}
    head, body = ["self", *(["*"] if options.get("kw_only") and names else [])], []
    for name in names:
        value = name
        if (field := given.get(name)) is None or field.default is field.default_factory:
            head.append(name)
        elif field.default is not _MISSING:
            scope[f"_default_{name}"] = field.default
            head.append(f"{name}=_default_{name}")
        else:
            scope[f"_make_{name}"] = field.default_factory
            head.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        frozen = options.get("frozen")
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    body += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), scope)  # noqa: S102
    init = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    init.__annotations__ = {**{name: cls.__annotations__[name] for name in names}, "return": None}
    return init


def _write_all(cls: type, defaults: dict[str, Any], options: dict[str, bool]) -> None:
    """Have the standard library make a class of the same body, and take its members."""
    ours = (_refuse, _state, _set_state)
    left_out = {*_NOT_COPIED, *cls.__dict__["__slots__"]}
    body = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in left_out and not isinstance(value, _Pending) and value not in ours
    }
    body.pop("__init__", None)
    plain = type(cls)(cls.__name__, cls.__bases__, {**body, **defaults})
    plain.__qualname__ = cls.__qualname__
    model: type = dataclasses.dataclass(plain, **options)
    names = {*cls.__annotations__, *_NOT_COPIED}
    for name, value in model.__dict__.items():
        if name not in names and not (name in body and body[name] is value):
            setattr(cls, name, value)


def _refuse(self: object, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")


def _state(self: Any) -> list[object]:
    """For `copy` and `pickle`, which could not set the attributes of a frozen class."""
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[object]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
