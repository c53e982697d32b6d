"""Plain scalars by the rules of YAML 1.1, as the platform's client reads them."""

from __future__ import annotations

import datetime
from typing import Any

from yaml import ScalarNode, YAMLError
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from peakctl.model import Value

_TEXT = "tag:yaml.org,2002:str"
_NO_VALUES = frozenset(("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"))


def read_yaml_1_1(text: str, tag: str | None = None) -> Value:
    """What the plain scalar `text` means: `yes` is true, `010` is eight, `12:30` is 750.

    `tag` is one that stands before it. Dates become texts. Raises ValueError where YAML 1.1 has no
    value for it.
    """
    resolver: Any = Resolver()
    tag = tag or resolver.resolve(ScalarNode, text, (True, False))
    if tag == _TEXT or tag in _NO_VALUES:
        return text
    constructor: Any = SafeConstructor()
    try:
        value = constructor.construct_object(ScalarNode(tag, text))
    except (YAMLError, ArithmeticError) as error:
        raise ValueError(text) from error
    if isinstance(value, datetime.date):
        return text
    found: Value = value
    return found
