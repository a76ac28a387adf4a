"""Records: frozen dataclasses with defaults that read whatever a file holds, and are written as JSON.

A file may be damaged, older or anyone's. Reading never fails: a value of another type than its field's is the same as
none, and an item of another type than its list's is left out. What a field may be: another record, the same or None, a
number or None, text, a truth value, an `Interval`, a tuple of such items, a dict of such values by name, or `object`,
which is anything.

Written here, since libraries for it (dacite, pydantic) refuse what does not fit, and with it the rest of the file.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
T = TypeVar("T")
REST = {"rest": True}  # metadata of a field whose items are written beside the record's other fields


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


def number(value: object) -> float | None:
    """`value` when it is a finite number, else None."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


def read(kind: type[Record], value: object) -> Record:
    """The record of that kind that `to_json` wrote as `value`, as far as it is one."""
    if not isinstance(value, dict):
        return kind()
    hints, names = _hints(kind), [field.name for field in dataclasses.fields(kind)]
    known = {name: _read(hints[name], value[name]) for name in names if name in value}
    for field in dataclasses.fields(kind):
        if field.metadata == REST:
            known[field.name] = {key: item for key, item in value.items() if key not in names}
    return kind(**known)


def to_json(value: object) -> Any:
    """`value`, a record or what stands in one, as JSON; a record inside of which nothing is known is null."""
    if dataclasses.is_dataclass(value):
        written: dict[str, object] = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if field.metadata == REST:
                written |= to_json(item)
            else:
                written[field.name] = None if is_unknown(item) else to_json(item)
        return written
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, (tuple, list)) else value


def is_unknown(value: object) -> bool:
    """Whether it is a record of which nothing is known."""
    return _is_record(value) and value == type(value)()


def _is_record(value: Any) -> bool:
    """Whether `value` is a record, or a kind of record."""
    return dataclasses.is_dataclass(value)


def combine(function: Callable[[Sequence[float]], float | None], values: Sequence[T]) -> T:
    """One record out of several of one kind, number by number; of all that is no number it has the first.

    Args:
        function: makes one number, or None, of those that are known, at least one.
        values: at least one record, or what stands in records.
    """
    return _combine(function, values)


def _combine(function: Callable[[Sequence[float]], float | None], values: Sequence[Any]) -> Any:
    first = values[0]
    if _is_record(first):
        fields = [field.name for field in dataclasses.fields(first)]
        return type(first)(**{name: _combine(function, [getattr(value, name) for value in values]) for name in fields})
    if isinstance(first, dict):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _combine(function, [value[name] for value in values if name in value]) for name in names}
    if intervals := [value for value in values if isinstance(value, Interval)]:
        return Interval._make(map(function, zip(*intervals, strict=True)))
    numbers = [value for value in values if number(value) is not None]
    return function(numbers) if numbers else first


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # or None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None or (_is_record(kind) and not _fits(kind, value)) else _read(kind, value)
    if _is_record(kind):
        return read(kind, value)
    if origin is dict:
        return {name: _read(arguments[1], item) for name, item in value.items()} if isinstance(value, dict) else {}
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else ()
        return tuple(_read(arguments[0], item) for item in items if _fits(arguments[0], item))
    if kind is object:
        return value
    if kind is Interval:
        return Interval(*value) if _fits(kind, value) else None
    if kind in (int, float):
        return number(value)
    return value if isinstance(value, kind) else kind()


def _fits(kind: Any, value: Any) -> bool:
    """Whether `value` is what an item of that kind is written as."""
    if _is_record(kind):
        return isinstance(value, dict)
    if kind is Interval:
        return isinstance(value, (list, tuple)) and len(value) == 2 and None not in map(number, value)
    if kind in (int, float):
        return number(value) is not None
    return kind is object or isinstance(value, kind)
