"""conlleval.pl (version of 2004-01-26) as a plain loop over the lines of its input.

A reference for tests, which never imports the package. It departs from the script in two quirks
of Perl: there a type "0" counts as none, and a type that is empty may be listed twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    tokens: int = 0
    correct_tags: int = 0
    correct_chunk: Counter = field(default_factory=Counter)  # by type
    found_correct: Counter = field(default_factory=Counter)
    found_guessed: Counter = field(default_factory=Counter)


def parted(label):
    """Everything before the first hyphen, and everything after it."""
    tag, hyphen, kind = label.partition("-")
    return (tag, kind) if hyphen else (label, "")


def end_of_chunk(prev_tag, tag, prev_type, kind):
    """Whether a chunk ended between the word before and this one."""
    if prev_tag == "B" and tag in ("B", "O"):
        return True
    if prev_tag == "I" and tag in ("B", "O"):
        return True
    if prev_tag == "E" and tag in ("E", "I", "O"):
        return True
    if prev_tag not in ("O", ".") and prev_type != kind:
        return True
    return prev_tag in ("]", "[")


def start_of_chunk(prev_tag, tag, prev_type, kind):
    """Whether a chunk started between the word before and this one."""
    if tag == "B" and prev_tag in ("B", "I", "O"):
        return True
    if tag == "I" and prev_tag in ("O", "E"):
        return True
    if tag == "E" and prev_tag in ("E", "O"):
        return True
    if tag not in ("O", ".") and prev_type != kind:
        return True
    return tag in ("[", "]")


def count(truth, predicted):
    """One pass over the lines of both columns, with a boundary line (O, O) after each sentence."""
    counts = Counts()
    in_correct = False
    last_true = last_guess = ("O", "")
    for true, guess, boundary in _lines(truth, predicted):
        true_ends = end_of_chunk(last_true[0], true[0], last_true[1], true[1])
        guess_ends = end_of_chunk(last_guess[0], guess[0], last_guess[1], guess[1])
        if in_correct:
            if true_ends and guess_ends and last_guess[1] == last_true[1]:
                in_correct = False
                counts.correct_chunk[last_true[1]] += 1
            elif true_ends != guess_ends or guess[1] != true[1]:
                in_correct = False
        true_starts = start_of_chunk(last_true[0], true[0], last_true[1], true[1])
        guess_starts = start_of_chunk(last_guess[0], guess[0], last_guess[1], guess[1])
        if true_starts and guess_starts and guess[1] == true[1]:
            in_correct = True
        if true_starts:
            counts.found_correct[true[1]] += 1
        if guess_starts:
            counts.found_guessed[guess[1]] += 1
        if not boundary:
            counts.correct_tags += true == guess
            counts.tokens += 1
        last_true, last_guess = true, guess
    if in_correct:
        counts.correct_chunk[last_true[1]] += 1
    return counts


def _lines(truth, predicted):
    for true, guess in zip(truth, predicted, strict=True):
        for t, g in zip(true, guess, strict=True):
            yield parted(t), parted(g), False
        yield ("O", ""), ("O", ""), True


def output(truth, predicted):
    """What the script prints, without its last line break."""
    counts = count(truth, predicted)
    right, true, guess = (
        sum(c.values()) for c in (counts.correct_chunk, counts.found_correct, counts.found_guessed)
    )
    text = [
        f"processed {counts.tokens} tokens with {true} phrases; "
        f"found: {guess} phrases; correct: {right}."
    ]
    accuracy = 100 * counts.correct_tags / counts.tokens
    text.append(f"accuracy: {accuracy:6.2f}%; {_figures(right, true, guess)}")
    for kind in sorted(counts.found_correct | counts.found_guessed):
        right, true, guess = (
            c[kind] for c in (counts.correct_chunk, counts.found_correct, counts.found_guessed)
        )
        text.append(f"{kind:>17}: {_figures(right, true, guess)}  {guess}")
    return "\n".join(text)


def _figures(right, true, guess):
    precision = 100 * right / guess if guess else 0.0
    recall = 100 * right / true if true else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"
