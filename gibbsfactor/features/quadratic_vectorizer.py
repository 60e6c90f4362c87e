"""Vectors of real numbers, and the products of two of their numbers.

Letters: M observations of D numbers each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from gibbsfactor.features.fixed_vectorizers import FixedVectorizer
from gibbsfactor.features.flat_sequences import Sequences
from gibbsfactor.features.observations import read_numbers
from gibbsfactor.features.strings import Arrays, check_kind, stored
from gibbsfactor.features.tokens import Tokens

FloatArray = NDArray[np.float64]


class QuadraticVectorizer(FixedVectorizer):
    """The statistics in which the log density of a Gaussian is linear.

    With z = (x - centre) / scale they are 1, z_i, and z_i z_j for i <= j, or for i = j alone: one
    sparse attribute, which an observation of NaN throughout does not have, and dense ones, which
    are 0 there.

    Parameters
    ----------
    centre, scale : (D,)
    products : bool
        Whether there are z_i z_j for i < j.

    Examples
    --------
    >>> vectorizer = QuadraticVectorizer([10.0, 0.0], [1.0, 2.0])
    >>> vectorizer.attribute_names()
    ['1', 'z0', 'z1', 'z0*z0', 'z0*z1', 'z1*z1']
    >>> vectorizer.read([[[12.0, 6.0]]]).dense
    array([[2., 3., 4., 6., 9.]])
    """

    kind: ClassVar[str] = "quadratic"

    def __init__(
        self, centre: ArrayLike, scale: ArrayLike, *, products: bool = True, one: bool = True
    ) -> None:
        self.centre: FloatArray = np.asarray(centre, dtype=np.float64)
        self.scale: FloatArray = np.asarray(scale, dtype=np.float64)
        self.products = products
        self.one = one

    def read(self, X: Any, lengths: Any = None) -> Tokens:
        """The tokens of N sequences; or of one array of all M observations, with their lengths."""
        given = Sequences.of(X, lengths)
        values = given.read(lambda flat: read_numbers(flat, len(self.centre)))
        seen: Any = ~np.isnan(values).all(axis=1)
        z = np.where(seen[:, None], (values - self.centre) / self.scale, 0.0)
        first, second = self._pairs()
        dense = np.concatenate([z, z[:, first] * z[:, second]], axis=1)
        ones = seen[:, None].astype(np.float64)[:, : self.one]
        return Tokens(scipy.sparse.csr_array(ones), given.lengths, dense=dense)

    @property
    def n_dense(self) -> int:
        """The number of z_i and of products."""
        return len(self.centre) + len(self._pairs()[0])

    @property
    def n_attributes(self) -> int:
        """These, and 1."""
        return int(self.one) + self.n_dense

    def attribute_names(self) -> list[str]:
        """1, z0, z1, ..., z0*z0, ..."""
        first, second = (part.tolist() for part in self._pairs())
        names = [f"z{i}" for i in range(len(self.centre))]
        names += [f"z{i}*z{j}" for i, j in zip(first, second, strict=True)]
        return ["1", *names] if self.one else names

    def only(self, kept: NDArray[np.bool_]) -> QuadraticVectorizer:
        """The same with or without 1, the only attribute that is sparse."""
        one = self.one and bool(kept[0])
        return QuadraticVectorizer(self.centre, self.scale, products=self.products, one=one)

    def to_arrays(self) -> Arrays:
        """All that `read` needs, as plain numpy arrays by name."""
        return {
            "kind": np.array(self.kind),
            "centre": self.centre,
            "scale": self.scale,
            "products": np.array(self.products),
            "one": np.array(self.one),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The vectoriser that `to_arrays` stored."""
        check_kind(arrays, cls.kind)
        centre, scale = (stored(arrays, key).astype(np.float64) for key in ("centre", "scale"))
        one, products = (bool(stored(arrays, key)) for key in ("one", "products"))
        return cls(centre, scale, products=products, one=one)

    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        every = np.arange(len(self.centre))
        if not self.products:
            return every, every
        first, second = np.triu_indices(len(self.centre))
        return first.astype(np.int64), second.astype(np.int64)
