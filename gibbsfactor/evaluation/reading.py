"""How labels are read: which part of one is the prefix, which the type, and by which rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

from gibbsfactor.errors import listed
from gibbsfactor.evaluation.schemes import (
    ALIASES,
    BOTH_ENDS,
    CONLLEVAL,
    MODES,
    OTHER,
    SCHEMES,
    STRICT,
    Rules,
    lenient_rules,
)

Split = Callable[[str], tuple[str, str] | None]  # prefix and type; None if it has no such form


@dataclass(frozen=True)
class Notation:
    """How a label is written: ``B-NP``, with another delimiter ``B_NP``, with a suffix ``NP-B``."""

    suffix: bool = False
    delimiter: str = "-"

    def __post_init__(self) -> None:
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1:
            raise ValueError(f"delimiter is {self.delimiter!r}; it must be one character")

    def parted(self, label: str) -> tuple[str, str]:
        """What is before the first delimiter and after it (the other way round with a suffix).

        A label without a delimiter is all prefix, and its type is empty.
        """
        if self.suffix:
            kind, _, prefix = label.rpartition(self.delimiter)
        else:
            prefix, _, kind = label.partition(self.delimiter)
        return prefix, kind

    def stripped(self, label: str) -> tuple[str, str]:
        """The same, without further delimiters at either end of the type."""
        prefix, kind = self.parted(label)
        return prefix, kind.strip(self.delimiter)


@dataclass(frozen=True)
class Reading:
    """How all labels of an evaluation are read: their form, and the rules for chunks."""

    mode: str
    scheme: str | None
    rules: Rules
    notation: Notation

    def split(self, label: Hashable) -> tuple[int, str]:
        """A label's prefix, as a position in the rules' prefixes, and its type.

        Raises
        ------
        TypeError, ValueError
            If the label is not a string, or not one of the scheme's.
        """
        if not isinstance(label, str):
            raise TypeError(
                f"the label {label!r} is {type(label).__name__}; chunks are read from strings "
                "such as 'B-NP'"
            )
        parted = self.notation.stripped if self.mode == "strict" else self.notation.parted
        prefix, kind = parted(label)
        at = self.rules.prefixes.find(prefix) if len(prefix) == 1 else -1
        if self.mode == "conlleval":
            if at < 0 and self.scheme is None:
                at = self.rules.prefixes.index(OTHER)
        else:
            kind = kind or "_"
        wanted = SCHEMES[self.scheme] if self.scheme else self.rules.prefixes
        if at < 0 or self.rules.prefixes[at] not in wanted:
            raise ValueError(self._complaint(label, wanted))
        return at, kind

    def _complaint(self, label: str, wanted: str) -> str:
        mark = self.notation.delimiter
        form = f"NP{mark}{wanted[1]}" if self.notation.suffix else f"{wanted[1]}{mark}NP"
        return (
            f"the label {label!r} is none of the scheme {self.scheme}, whose labels are O or have "
            f"the form {form!r} with a prefix among {', '.join(wanted[1:])}; give another scheme, "
            "delimiter= or suffix=, or leave scheme and mode out"
        )


def follows_iob(label: Hashable) -> bool:
    """Whether a label is one of a chunk: O, or B, I, E, S, L, U, M or W before a hyphen.

    B, I and E may also stand alone; the others alone are taken for something else.

    Examples
    --------
    >>> [follows_iob(label) for label in ("O", "B-NP", "S-NP", "S", "NP")]
    [True, True, True, False, False]
    """
    return _chunk_prefix(label, Notation()) is not None


def _chunk_prefix(label: Hashable, notation: Notation) -> str | None:
    """A label's prefix if it is one of a scheme; else None."""
    if not isinstance(label, str):
        return None
    prefix, _ = notation.parted(label)
    if len(prefix) == 1 and (prefix in "OBIE" or (prefix in "SLUMW" and prefix != label)):
        return prefix
    return None


def choose_reading(
    labels: Collection[Hashable],
    true_labels: Collection[Hashable],
    scheme: str | None,
    mode: str | None,
    notation: Notation,
) -> Reading | None:
    """The reading that was asked for, or that fits the labels; None if they are of no scheme.

    Raises
    ------
    ValueError
        If there is no such scheme or mode, or if ``mode`` needs a scheme and none can be told.
    """
    scheme, mode = _known(scheme, mode)
    if mode == "conlleval" or (mode is None and scheme in ("IOB1", "IOB2", "IOE1", "IOE2")):
        if scheme in BOTH_ENDS:
            raise ValueError(
                f"conlleval has no rules for the scheme {scheme}; give mode='lenient' or 'strict'"
            )
        return Reading("conlleval", scheme, CONLLEVAL, notation)
    if mode == "strict":
        entities = any(label != "O" for label in true_labels)
        scheme = scheme or _detect_strictly(true_labels if entities else labels, notation)
        return Reading("strict", scheme, STRICT[scheme], notation)
    if scheme is not None:
        return Reading("lenient", scheme, lenient_rules(scheme), notation)
    prefixes = {_chunk_prefix(label, notation) for label in labels}
    if mode is None and prefixes <= set("OBIE"):
        return Reading("conlleval", None, CONLLEVAL, notation)
    scheme = next((name for name in BOTH_ENDS if prefixes <= set(BOTH_ENDS[name])), None)
    if mode == "lenient":
        scheme = scheme or "IOBES"  # whose labels the one that does not fit is held against
    return Reading("lenient", scheme, lenient_rules(scheme), notation) if scheme else None


def _known(scheme: str | None, mode: str | None) -> tuple[str | None, str | None]:
    """Scheme and mode by their proper names."""
    if scheme is not None:
        name = scheme.upper() if isinstance(scheme, str) else ""
        name = ALIASES.get(name, name)
        if name not in SCHEMES:
            raise ValueError(
                f"scheme is {scheme!r}; it must be one of {listed(list(SCHEMES))}, or None to "
                "tell it from the labels"
            )
        scheme = name
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode is {mode!r}; it must be one of {listed(MODES)}, or None")
    return scheme, mode


def _detect_strictly(labels: Collection[Hashable], notation: Notation) -> str:
    """The scheme that labels can only be of: IOB2, IOE2, or one that marks both ends.

    Labels with I and O alone are of several. Where all are O there are no chunks in any.
    """
    prefixes = {notation.parted(label)[0] if isinstance(label, str) else "" for label in labels}
    marks = frozenset(prefixes - {"O", "I"})
    found = {
        frozenset(): "IOB2" if prefixes == {"O"} else None,
        frozenset("B"): "IOB2",
        frozenset("E"): "IOE2",
        frozenset("BE"): "IOBES",
        frozenset("BES"): "IOBES",
        frozenset("BL"): "BILOU",
        frozenset("BLU"): "BILOU",
    }.get(marks)
    if marks in ({"S"}, {"U"}) and "I" not in prefixes:
        found = "IOBES" if marks == {"S"} else "BILOU"
    if prefixes & {"M", "W"}:  # seqeval knows neither
        fitting = (name for name in ("BMES", "BMEWO") if prefixes <= set(BOTH_ENDS[name]))
        found = next(fitting, None)
    if found is None:
        raise ValueError(
            f"can't tell the scheme from the labels, whose prefixes are "
            f"{listed(sorted(prefixes))}; give scheme=, one of {listed(list(SCHEMES))}"
        )
    return found
