"""Features of tokens as users of CRFsuite make them, in plain Python as quick as it easily gets.

What depends on a word alone is worked out once for each distinct word. For gibbsfactor there are
templates that give the same attributes, so that both sides have the same weights: the benchmarks
end with an error if the numbers of weights differ.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple


def chunking(w: list[str], p: list[str]) -> list[list[str]]:
    """What `Templates.chunking()` expands to at every token of a sentence."""
    items = []
    last = len(w) - 1
    for t in range(len(w)):
        w0, p0 = w[t], p[t]
        item = ["U02:" + w0, "U12:" + p0]
        if t > 0:
            w1, p1 = w[t - 1], p[t - 1]
            item += [f"U01:{w1}", f"U05:{w1}/{w0}", f"U11:{p1}", f"U16:{p1}/{p0}"]
            if t > 1:
                p2 = p[t - 2]
                item += [f"U00:{w[t - 2]}", f"U10:{p2}", f"U15:{p2}/{p1}", f"U20:{p2}/{p1}/{p0}"]
        else:
            item.append("__BOS__")
        if t < last:
            w3, p3 = w[t + 1], p[t + 1]
            item += [f"U03:{w3}", f"U06:{w0}/{w3}", f"U13:{p3}", f"U17:{p0}/{p3}"]
            if t > 0:
                item.append(f"U21:{p1}/{p0}/{p3}")
            if t < last - 1:
                p4 = p[t + 2]
                item += [f"U04:{w[t + 2]}", f"U14:{p4}", f"U18:{p3}/{p4}", f"U22:{p0}/{p3}/{p4}"]
        else:
            item.append("__EOS__")
        items.append(item)
    return items


class Word(NamedTuple):
    """What a word alone gives to its own attributes and to its neighbours'."""

    own: tuple[str, ...]
    lower: str
    suffix2: str
    suffix3: str
    shape: str


RUN = re.compile(r"(.)\1+", re.DOTALL)


@cache
def looked_at(word: str) -> Word:
    lower, upper = word.lower(), word.upper()
    kinds = "".join(map(kind, word))
    shape = RUN.sub(r"\1", kinds)
    if lower == upper:
        case = "none"
    elif word == lower:
        case = "lower"
    elif word[0] == word[0].upper() and word[1:] == word[1:].lower():
        case = "title"
    else:
        case = "upper" if word == upper else "mixed"
    if "d" not in kinds:
        digits = "none"
    elif word.isdigit():
        digits = "all"
    else:
        digits = "some" if any(map(str.isalpha, word)) else "number"
    own = [f"U02:{word}", f"U07:{lower}", f"U31:{shape}", f"U35:{case}", f"U36:{digits}"]
    for n in range(1, 5):
        own += [f"U{9 + n}:{word[:n]}", f"U{13 + n}:{word[-n:]}"]
    return Word(tuple(own), lower, word[-2:], word[-3:], shape)


@cache
def kind(character: str) -> str:
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return "d" if character.isdigit() else character


def part_of_speech(w: list[str]) -> list[list[str]]:
    """What `Templates.part_of_speech()` gives at every token of a sentence.

    With tabs in place of slashes, since words may hold slashes: to gibbsfactor ``a/b`` + ``c`` and
    ``a`` + ``b/c`` are two attributes, to CRFsuite they would be one.
    """
    items = []
    last = len(w) - 1
    words = [looked_at(word) for word in w]
    for t, (own, l0, b0, _, s0) in enumerate(words):
        item = [*own]
        if t > 0:
            _, l1, b1, c1, s1 = words[t - 1]
            item += [f"U01:{w[t - 1]}", f"U05:{l1}\t{l0}", f"U18:{c1}"]
            item += [f"U20:{b1}\t{b0}", f"U30:{s1}", f"U33:{s1}\t{s0}"]
            if t > 1:
                item.append(f"U00:{w[t - 2]}")
        else:
            item.append("__BOS__")
        if t < last:
            _, l1, b1, c1, s1 = words[t + 1]
            item += [f"U03:{w[t + 1]}", f"U06:{l0}\t{l1}", f"U19:{c1}"]
            item += [f"U21:{b0}\t{b1}", f"U32:{s1}", f"U34:{s0}\t{s1}"]
            if t < last - 1:
                item.append(f"U04:{w[t + 2]}")
        else:
            item.append("__EOS__")
        items.append(item)
    return items


def address(w: list[str]) -> list[dict[str, Any]]:
    """Nested dicts, as address parsers feed CRFsuite: a token's own features, its neighbours'."""
    own = [address_part(word) for word in w]
    items: list[dict[str, Any]] = []
    for t in range(len(w)):
        item = dict(own[t])
        if t > 0:
            item["before"] = own[t - 1]
        else:
            item["first"] = True
        if t < len(w) - 1:
            item["after"] = own[t + 1]
        else:
            item["last"] = True
        items.append(item)
    return items


@cache
def address_part(word: str) -> dict[str, Any]:
    plain = word.strip(".,;:()&#").lower()
    features: dict[str, Any] = {"shape": RUN.sub(r"\1", "".join(map(kind, word)))}
    if plain:
        features |= {"word": plain, "suffix": plain[-3:], "zeros": re.search("0*$", plain)[0]}  # type: ignore[index]
    features["length"] = ("d" if plain.isdigit() else "w") + str(len(plain))
    for name, holds in (
        ("comma", word.endswith(",")),
        ("stop", word.endswith(".")),
        ("number", plain.isdigit()),
        ("digits", any(map(str.isdigit, plain))),
        ("vowels", any(v in plain[1:] for v in "aeiou")),
    ):
        if holds:  # without it there is no feature: a weight of 0 would be one for CRFsuite
            features[name] = True
    return features


def flat_list(item: list[str]) -> dict[str, Any]:
    return dict.fromkeys(item, 1.0)


def flat_dict(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in item.items():
        if isinstance(value, dict):
            found.update((f"{key}:{name}", inner) for name, inner in value.items())
        else:
            found[key] = value
    return found
