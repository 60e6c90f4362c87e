"""The semi-Markov conditional random field as an estimator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Literal, Self

import numpy as np

from gibbsfactor.features import Columns, Templates, as_sequences
from gibbsfactor.features.labels import Labels, listed_labels
from gibbsfactor.features.sequences import Stream, listed
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for
from gibbsfactor.learning.chain.segment_loss import SegmentLoss
from gibbsfactor.learning.estimator import Estimator, warn_not_converged
from gibbsfactor.learning.lbfgs import minimize
from gibbsfactor.learning.minimum import Minimum
from gibbsfactor.learning.preconditioning import typical_weight
from gibbsfactor.learning.progress import progress_bar
from gibbsfactor.learning.proximal import minimize_l1
from gibbsfactor.models.semi_markov_crf.decoding import Decoding, Sentences
from gibbsfactor.models.semi_markov_crf.parameters import check_parameters
from gibbsfactor.models.semi_markov_crf.problem import SegmentProblem
from gibbsfactor.models.semi_markov_crf.storage import Storage

GRADIENT_TOLERANCE = 1e-5  # of a sequence that counts once
PERIOD = 10  # iterations over which training must still gain something


class SemiMarkovCRF(Decoding, Storage, Estimator):
    """Semi-Markov conditional random field: cuts sequences into segments with labels.

    A segmentation s of a sequence x of T tokens is a list of segments (b, e, l), tokens b .. e - 1
    with the label l, that cover x one after the other. Its probability is

        P(s | x) = (1/Z(x)) exp( sum_j score(b_j, e_j, l_j) + sum_{j>0} v[l_{j-1}, l_j] )

        score(b, e, l) = sum_{t=b}^{e-1} sum_a x_ta w[a, l] + sum_g f_g(x, b, e) u[g, l]

    with weights w of tokens' attributes, u of attributes of whole segments (how long it is, which
    words it is made of, whether a dictionary has it) and v of transitions. A linear chain, whose
    factors see two neighbouring labels, can't have the second kind. Z(x) sums over all
    segmentations with segments no longer than ``max_length``. Weights minimise

        -sum_n log P(s_n | x_n) + c1 |w|_1 + c2 |w|^2

    Parameters
    ----------
    c1, c2 : float
        Strengths of the penalties c1 |w|_1 and c2 |w|^2 (not halved), over all weights.
    max_length : int or dict, optional
        Most tokens of a segment, for all labels or {label: most}; "O" in label sequences always
        stands for one token. By default as many as the longest segment with the label in the
        training data. Time and memory grow with the greatest. Training sequences with a longer
        segment are left out, with a warning.
    segment_features : tuple of str, or callable
        Names of built-in attributes of segments: "length", "words" (joined), "shape" (of the
        words), "first" and "last" (word), "before" and "after" (the words around). Or a function
        (sequence, begin, end) that gives a list of strings or a dict, as tokens have. It is called
        for each candidate: some tokens times max_length calls.
    word : int or str, optional
        Which column, element or dict key of a token is its word, for the built-in attributes. By
        default the first, and "word" in dicts.
    positions : bool
        Give the tokens' attributes weights of their own on the first and on the last token of a
        segment, beside those for all of its tokens.
    templates : Templates, optional
        How to make attributes out of the columns of tokens, when fitted on `Columns`. There are
        transition weights with a line ``B`` and without.
    all_possible_states, all_possible_transitions : bool
        Give a weight to every (attribute, label) or (label, label) pair, not only to those that
        occur in the training data. Of attributes of segments those that occur are those of the
        given segments; all of them are those of all candidates.
    min_freq : int
        Leave out attributes on fewer training tokens, or on fewer given segments.
    max_iterations : int
        Most iterations of L-BFGS.
    tol : float
        Stop when ten iterations together lower the loss by less than this share of it, and the
        gradient promises no more than ten times this share.
    n_threads : int, optional
        By default as many as there are processors.
    progress : bool or "always"
        Show a bar with loss, gradient norm and time: once training has taken two seconds, never,
        or from the start.

    Attributes
    ----------
    classes_ : list of the L labels of segments
    longest_ : ndarray (L,), most tokens of a segment with each label
    notation_ : Notation, how y was written in training, as `predict` writes it
    features_ : SegmentFeatures, which weights there are
    weights_ : ndarray (F,), in the order that ``features_`` tells
    vectorizer_, segment_vectorizer_ : turn tokens and segments into sparse attributes
    n_left_out_ : how many training sequences had a segment that was too long
    loss_ : at the end of training
    gradient_norm_ : its largest component, by weights scaled to the size of their features' values
    n_iter_, n_evaluations_ : of training
    converged_, interrupted_ : whether training met its tolerance, or was ended by Ctrl-C
    seconds_ : {"features": ..., "training": ...}

    Notes
    -----
    Source: Sarawagi & Cohen (2004), Semi-Markov conditional random fields for information
    extraction.

    Examples
    --------
    >>> X = [[("in",), ("New",), ("York",)], [("New",), ("shoes",)]]
    >>> X = [[{"word": word} for (word,) in sentence] for sentence in X]
    >>> y = [["O", "B-place", "I-place"], ["O", "O"]]
    >>> crf = SemiMarkovCRF(c2=0.01).fit(X, y)
    >>> crf.predict([[{"word": "New"}, {"word": "York"}, {"word": "shoes"}]])
    [['B-place', 'I-place', 'O']]
    >>> crf.predict_segments(X[:1])
    [[(0, 1, 'O'), (1, 3, 'place')]]
    """

    def __init__(
        self,
        c1: float = 0.0,
        c2: float = 1.0,
        *,
        max_length: int | Mapping[Any, int] | None = None,
        segment_features: Sequence[str] | Callable[[Any, int, int], Any] = (
            "length",
            "words",
            "first",
            "last",
        ),
        word: int | str | None = None,
        positions: bool = False,
        templates: Templates | None = None,
        all_possible_states: bool = False,
        all_possible_transitions: bool = True,
        min_freq: int = 0,
        max_iterations: int = 1000,
        tol: float = 1e-5,
        n_threads: int | None = None,
        progress: bool | Literal["always"] = True,
    ) -> None:
        self.c1 = c1
        self.c2 = c2
        self.max_length = max_length
        self.segment_features = segment_features
        self.word = word
        self.positions = positions
        self.templates = templates
        self.all_possible_states = all_possible_states
        self.all_possible_transitions = all_possible_transitions
        self.min_freq = min_freq
        self.max_iterations = max_iterations
        self.tol = tol
        self.n_threads = n_threads
        self.progress = progress

    def fit(self, X: Sentences, y: Labels, *, sample_weight: Any = None) -> Self:
        """Train on N segmented sequences.

        Parameters
        ----------
        X : sequences in one of these forms
            `Columns`, or sequences of tuples of strings (both need ``templates``); sequences of
            feature dicts, or of lists of feature strings; `Tokens`, or a matrix for each sequence,
            which hold no words: give ``segment_features=("length",)`` with them.
        y : N segmentations in one of these forms
            Labels of a chunk scheme (IOB1, IOB2, IOE1, IOE2, IOBES, BILOU, BMEWO, BMES), which is
            told from the labels; labels of no scheme, of which equal neighbours are one segment,
            except for "O"; or lists of segments (begin, end, label) that cover the sequence, end
            being the position behind the last token.
        sample_weight : (N,), optional
            How much each sequence counts.

        Raises
        ------
        ValueError
            If X and y differ in length, there is no token, a feature is NaN or infinite, or a
            parameter is out of range.

        Warns
        -----
        UserWarning
            If sequences were left out since they have a segment longer than ``max_length``.
        ConvergenceWarning
            If ``max_iterations``, or a loss that could not be lowered, ended training first.
        RuntimeWarning
            If Ctrl-C did; the best weights so far are kept.
        """
        check_parameters(self)
        began = perf_counter()
        X = self._read(X)
        vectorizer = vectorizer_for(X, self.templates, self.min_freq)
        tokens = vectorizer.fit_transform(X)
        if tokens.n_edge_attributes:
            raise ValueError(
                "the templates have lines with macros that begin with B, which condition "
                "transitions on tokens; a semi-Markov CRF has no such weights: leave them out"
            )
        problem = SegmentProblem.of(self, X, tokens, listed_labels(y), sample_weight)
        loss = problem.loss(self)
        ready = perf_counter()
        with loss, progress_bar(self.progress, "semi-Markov CRF", tokens=tokens.n_tokens) as bar:
            found = self._minimum(problem, loss, bar)
        self.classes_ = problem.classes
        self.longest_ = problem.candidates.longest
        self.notation_ = problem.notation
        self.features_ = loss.features
        self.weights_ = found.weights
        self.vectorizer_ = vectorizer
        self.segment_vectorizer_ = problem.of_segments
        self.n_left_out_ = problem.n_left_out
        self.loss_ = found.loss
        self.gradient_norm_ = found.gradient_norm
        self.n_iter_ = found.iterations
        self.n_evaluations_ = found.evaluations
        self.converged_ = found.converged
        self.interrupted_ = found.interrupted
        self.seconds_ = {"features": ready - began, "training": perf_counter() - ready}
        self._warn(found, len(tokens))
        return self

    def _warn(self, found: Minimum, n_sequences: int) -> None:
        if self.n_left_out_:
            warnings.warn(
                f"{self.n_left_out_} of {n_sequences} training sequences were left out: they have "
                f"a segment longer than max_length={self.max_length!r}; raise it to train on them",
                UserWarning,
                stacklevel=3,
            )
        if not found.converged and not found.interrupted:
            warn_not_converged(
                f"training stopped before it converged: {found.message}, at loss "
                f"{found.loss:.8g}; raise max_iterations={self.max_iterations} or "
                f"tol={self.tol:g}, penalise more, or scale the features",
                stacklevel=3,
            )

    def _minimum(self, problem: SegmentProblem, loss: SegmentLoss, bar: Any) -> Minimum:
        start = np.zeros(loss.features.n_weights)
        limits: dict[str, Any] = {
            "max_iterations": int(self.max_iterations),
            "gradient_tolerance": GRADIENT_TOLERANCE * typical_weight(problem.weights),
            "loss_tolerance": float(self.tol),
            "period": PERIOD,
            "progress": bar,
            "coordinates": problem.coordinates(loss.features, self.c2, separable=self.c1 > 0),
        }
        if self.c1 > 0:
            return minimize_l1(loss, start, float(self.c1), **limits)
        return minimize(loss, start, **limits)

    def _read(self, X: Sentences) -> Any:
        """Columns of strings where templates are to read them, else a list of sequences."""
        if self.templates is not None and not isinstance(X, Columns):
            return Columns.from_sentences(X if isinstance(X, list | tuple) else list(X))
        found = as_sequences(X)
        if not isinstance(found, Stream | list | tuple):
            return found
        return [listed(sequence, n, "tokens") for n, sequence in enumerate(found)]

    # ---- weights ----------------------------------------------------------------------

    def state_features(
        self, where: Literal["inside", "first", "last"] = "inside"
    ) -> dict[tuple[str, Any], float]:
        """{(attribute, label): weight} of tokens: of every token of a segment, its first, last."""
        self._check_fitted()
        if where not in ("inside", "first", "last"):
            raise ValueError(f"where is {where!r}; it must be 'inside', 'first' or 'last'")
        return self._named(where, self.vectorizer_)

    @property
    def segment_features_(self) -> dict[tuple[str, Any], float]:
        """{(attribute, label): weight} of attributes of segments."""
        self._check_fitted()
        return self._named("whole", self.segment_vectorizer_)

    @property
    def transition_features_(self) -> dict[tuple[Any, Any], float]:
        """{(label before, label after): weight} of segments that follow each other."""
        self._check_fitted()
        before, after = np.divmod(self.features_.transitions, len(self.classes_))
        weights = self.weights_[self.features_.bounds[4] :]
        pairs = zip(before.tolist(), after.tolist(), weights.tolist(), strict=True)
        return {(self.classes_[i], self.classes_[j]): w for i, j, w in pairs}

    def _named(self, kind: str, vectorizer: Vectorizer | None) -> dict[tuple[str, Any], float]:
        names = [] if vectorizer is None else vectorizer.attribute_names()
        begin, end = self.features_.span(kind)
        states = getattr(self.features_, kind)
        attribute, label = np.divmod(states, len(self.classes_))
        weights = self.weights_[begin:end].tolist()
        pairs = zip(attribute.tolist(), label.tolist(), weights, strict=True)
        return {(names[a], self.classes_[i]): w for a, i, w in pairs}
