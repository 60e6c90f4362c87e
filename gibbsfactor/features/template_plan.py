"""Plans: which templates share their attributes, their grams, and their macros' alphabets.

It depends on the templates alone, so that a stored vectoriser need not store it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gibbsfactor.features.template_codes import Grams, Group
from gibbsfactor.features.template_macros import Reading, Template
from gibbsfactor.features.template_windows import Alphabet, Shape, shape_of
from gibbsfactor.features.templates import Templates


@dataclass(frozen=True, eq=False)
class Plan:
    """The groups of U lines and of B lines, in order, and what they read.

    Parameters
    ----------
    states, edges
        The templates by their literals.
    grams
        Those of the groups, each once.
    readings
        The alphabet of every reading. Macros that stand for each other in templates of the same
        literals have the same one.
    """

    states: list[Group]
    edges: list[Group]
    grams: list[Grams]
    readings: dict[Reading, Alphabet]

    @property
    def groups(self) -> list[Group]:
        """All groups."""
        return [*self.states, *self.edges]

    @property
    def alphabets(self) -> list[Alphabet]:
        """The alphabets, each once."""
        return list({id(alphabet): alphabet for alphabet in self.readings.values()}.values())

    def shapes(self, grams: Grams) -> list[Shape]:
        """The shapes that find these grams, each once."""
        members = (group.members for group in self.groups if group.grams is grams)
        return list(dict.fromkeys(shape for one in members for shape, _ in one))


def plan_templates(templates: Templates) -> Plan:
    """The plan for templates, its alphabets still empty."""
    kinds = [_by_literals(templates.templates), _by_literals(templates.edges)]
    readings = _share_alphabets(members for kind in kinds for members in kind.values())
    grams: dict[tuple[int, ...], Grams] = {}
    groups: list[list[Group]] = []
    for kind in kinds:
        groups.append([])
        for literals, members in kind.items():
            alphabets = tuple(readings[place.reading] for place in members[0].places)
            key = tuple(map(id, alphabets))
            shared = grams.setdefault(key, Grams(alphabets))
            shapes = [shape_of(template.places) for template in members]
            groups[-1].append(Group(literals, shared, shapes))
    return Plan(groups[0], groups[1], list(grams.values()), readings)


def _by_literals(templates: Iterable[Template]) -> dict[tuple[str, ...], list[Template]]:
    """The templates by their literals, in order of first appearance."""
    found: dict[tuple[str, ...], list[Template]] = {}
    for template in templates:
        found.setdefault(template.literals, []).append(template)
    return found


def _share_alphabets(groups: Iterable[list[Template]]) -> dict[Reading, Alphabet]:
    """An empty alphabet for each reading, the same for those in one place of the same literals."""
    readings: dict[Reading, Alphabet] = {}
    for members in groups:
        for slot in zip(*(template.places for template in members), strict=True):
            for place in slot:
                shared = readings.setdefault(slot[0].reading, Alphabet())
                other = readings.setdefault(place.reading, shared)
                if other is not shared:
                    readings.update({r: shared for r, a in readings.items() if a is other})
    return readings
