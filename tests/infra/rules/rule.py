"""A rule reports what is wrong with a stack, and comes with changes to the template that violate
it: a rule that cannot be violated checks nothing."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from expanded import Stack, source

Complaints = Callable[[Stack], Iterator[str]]


class Change(NamedTuple):
    """A change to the template before it is expanded."""

    name: str
    make: Callable[[dict[str, Any]], None]
    parameters: dict[str, str] = {}

    def twin(self) -> Stack:
        """The stack of the template with this change."""
        template = copy.deepcopy(source())
        self.make(template)
        return Stack(template, **self.parameters)

    def with_parameters(self, **parameters: str) -> "Change":
        """The same change to a stack with these parameters."""
        return Change(f"{self.name} with {parameters}", self.make, parameters)


class Rule(NamedTuple):
    complaints: Complaints
    broken_by: tuple[Change, ...]


RULES: list[Rule] = []


def rule(*broken_by: Change) -> Callable[[Complaints], Complaints]:
    """Turns a generator of complaints into a rule."""

    def add(complaints: Complaints) -> Complaints:
        RULES.append(Rule(complaints, broken_by))
        return complaints

    return add


def steps(path: str) -> list[str]:
    """The names in a path. A slash within a name is `~1`, as in a JSON pointer."""
    return [name.replace("~1", "/") for name in path.split("/")]


def put(path: str, value: Any) -> Change:
    """Puts a value at the path `Resources/…/…`; missing parts of the path are created."""
    *way, last = steps(path)

    def make(template: dict[str, Any]) -> None:
        place = template
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[int(last) if isinstance(place, list) else last] = value

    return Change(f"{'/'.join(path.split('/')[1:])} = {str(value)[:40]}", make)


def drop(path: str) -> Change:
    """Removes the value at the path `Resources/…/…`."""
    *way, last = steps(path)

    def make(template: dict[str, Any]) -> None:
        place = template
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place[name]
        del place[int(last) if isinstance(place, list) else last]

    return Change(f"no {'/'.join(path.split('/')[1:])}", make)
