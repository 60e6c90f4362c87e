"""Linear-chain CRFs made of CRFsuite's binary models, and the other way round.

Letters: A attributes, L labels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from gibbsfactor.errors import FormatError
from gibbsfactor.features import FeatureDictVectorizer, FeatureListVectorizer
from gibbsfactor.features.strings import pack_strings
from gibbsfactor.files import FileSource
from gibbsfactor.io.crfsuite_model import (
    CRFsuiteModel,
    read_crfsuite_model,
    write_crfsuite_model,
)
from gibbsfactor.io.text import TextSource, source_name
from gibbsfactor.learning.chain.features import ChainFeatures
from gibbsfactor.models.linear_chain_crf import LinearChainCRF
from gibbsfactor.models.linear_chain_crf.storage import TRAINED

VECTORIZERS: dict[str, type[FeatureDictVectorizer] | type[FeatureListVectorizer]] = {
    "dicts": FeatureDictVectorizer,
    "lists": FeatureListVectorizer,
}


def from_crfsuite(
    source: TextSource, *, tokens: Literal["dicts", "lists"] = "dicts"
) -> LinearChainCRF:
    """Read a binary model of CRFsuite as a model that tags, explains and can be saved as ours.

    Parameters
    ----------
    source
        A path or a file open for bytes, plain or gzip.
    tokens
        What the model is going to read: tokens that are feature dicts, or lists of feature
        strings. It reads `NamedTokens`, as `read_crfsuite` gives them, either way.

    Returns
    -------
    LinearChainCRF
        Labels, attributes and weights are those of the file, to the last bit and in its order.
        What only training tells (``loss_`` and the like) is None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is not a CRFsuite model, cut short or damaged.
    ValueError
        If ``tokens`` is neither of the two.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> X, y = [[{"w": "the"}, {"w": "dog"}]], [["D", "N"]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "small.crfsuite")
    ...     to_crfsuite(LinearChainCRF(c2=0.1).fit(X, y), path)
    ...     from_crfsuite(path).predict(X)
    [['D', 'N']]
    """
    if tokens not in VECTORIZERS:
        raise ValueError(f"tokens is {tokens!r}; it must be 'dicts' or 'lists'")
    read = read_crfsuite_model(source)
    n_labels = len(read.labels)
    if not n_labels:
        raise FormatError(f"{source_name(source)} has no labels; train it again")
    states = read.state_attributes * n_labels + read.state_labels
    transitions = read.transition_from * n_labels + read.transition_to
    for cells in (states, transitions):
        if len(np.unique(cells)) < len(cells):
            raise FormatError(f"{source_name(source)} gives one feature two weights")
    model = LinearChainCRF(c2=0.0)
    for name in TRAINED:
        setattr(model, name, None)
    model.history_, model.n_dense_ = [], 0
    model.classes_ = list(read.labels)
    by_state, by_transition = np.argsort(states), np.argsort(transitions)
    model.features_ = ChainFeatures(
        len(read.attributes), n_labels, states[by_state], transitions[by_transition]
    )
    model.weights_ = np.concatenate(
        [read.state_weights[by_state], read.transition_weights[by_transition]]
    )
    kind = VECTORIZERS[tokens]
    names, offsets = pack_strings(read.attributes)
    stored = {"kind": np.array(kind.kind), "min_freq": np.array(0)}
    model.vectorizer_ = kind.from_arrays({**stored, "names": names, "name_offsets": offsets})
    return model


def to_crfsuite(model: LinearChainCRF, path: FileSource) -> None:
    """Write a model as a binary model of CRFsuite, which its taggers open.

    Weights are written to the last bit. As CRFsuite does, features of weight 0 are left out, and
    attributes that have no others. The format holds none of the model's templates: CRFsuite is to
    be given the attributes that they make.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If a label is not a string.
    ValueError
        If the model has weights or constraints that CRFsuite knows nothing of, or a name holds a
        zero byte.
    """
    model._check_fitted()
    _check_plain(model)
    n_labels, bounds = len(model.classes_), model.features_.bounds
    kept = model.weights_ != 0
    of_states = kept[: bounds[1]]
    attributes, labels = np.divmod(model.features_.states[of_states], n_labels)
    of_transitions = kept[bounds[1] : bounds[2]]
    before, after = np.divmod(model.features_.transitions[of_transitions], n_labels)
    named, numbers = np.unique(attributes, return_inverse=True)
    names = model.attributes_
    write_crfsuite_model(
        CRFsuiteModel(
            list(model.classes_),
            [names[a] for a in named.tolist()],
            numbers,
            labels,
            model.weights_[: bounds[1]][of_states],
            before,
            after,
            model.weights_[bounds[1] : bounds[2]][of_transitions],
        ),
        path,
    )


def _check_plain(model: LinearChainCRF) -> None:
    """Raise unless the model is no more than CRFsuite can hold."""
    for label in model.classes_:
        if not isinstance(label, str):
            raise TypeError(
                f"the label {label!r} is a {type(label).__name__}, but CRFsuite's are strings; "
                "train with strings as labels"
            )
    features = model.features_
    for has, what, instead in (
        (model.order != 1, "weights for triples of labels", "train with order=1"),
        (
            len(features.conditioned),
            "transition weights that depend on the tokens",
            "train with templates that have no macros in their B lines",
        ),
        (
            model.boundary_weights,
            "weights for the ends of sequences",
            "train with boundary_weights=False, and give end tokens an attribute of their own",
        ),
        (
            model.constraints is not None,
            "constraints",
            "take them off with set_params(constraints=None), if its labellings need none",
        ),
    ):
        if has:
            raise ValueError(f"the model has {what}, which CRFsuite has no place for; {instead}")
