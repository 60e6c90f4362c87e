"""Vectors as values in feature dicts, such as embeddings: gathered into one dense matrix.

Letters: M tokens in all, D dense values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class VectorBlocks:
    """The (M, D) matrix of named vectors, one block of columns a name, read chunk by chunk.

    Parameters
    ----------
    sizes
        How many values each name's vectors have.
    growing
        Whether a new name is learnt; otherwise its vectors are passed over.

    Examples
    --------
    >>> blocks = VectorBlocks({}, growing=True)
    >>> blocks.add("v", 1, np.array([2.0, 3.0]))
    >>> blocks.close_chunk(2)
    >>> blocks.matrix()
    array([[0., 0.],
           [2., 3.]])
    >>> blocks.sizes
    {'v': 2}
    """

    def __init__(self, sizes: dict[str, int], *, growing: bool) -> None:
        self.sizes = dict(sizes)
        self._growing = growing
        self._open: dict[str, tuple[list[int], list[NDArray[np.generic]]]] = {}
        self._chunks: list[tuple[int, str, list[int], FloatArray]] = []
        self._n_tokens = 0

    def add(self, name: str, row: int, vector: NDArray[np.generic]) -> None:
        """Note a vector of the token in this row of the open chunk.

        Raises
        ------
        TypeError
            If it does not hold real numbers.
        ValueError
            If it has more than one axis, the token has had one of that name, or its length is not
            that of the others.
        """
        if vector.dtype.kind not in "biuf":
            raise TypeError(
                f"the array {name!r} holds {vector.dtype}; it must hold real numbers: convert it"
            )
        if vector.ndim != 1:
            raise ValueError(
                f"the array {name!r} has shape {vector.shape}; it must have one axis: ravel() it"
            )
        size = self.sizes.get(name)
        if size is None:
            if not self._growing:
                return
            size = self.sizes[name] = len(vector)
        if len(vector) != size:
            raise ValueError(
                f"the array {name!r} has {len(vector)} values, but {size} on the tokens before; "
                "it must have as many on every token"
            )
        rows, vectors = self._open.setdefault(name, ([], []))
        if rows and rows[-1] == row:
            raise ValueError(f"two arrays are named {name!r} on this token; give one")
        rows.append(row)
        vectors.append(vector)

    def discard_chunk(self) -> None:
        """Forget what was noted since the last chunk was closed."""
        self._open.clear()

    def close_chunk(self, n_tokens: int) -> None:
        """Copy what was noted, for so many tokens; raises ValueError if a value is not finite."""
        for name, (rows, vectors) in self._open.items():
            block = np.stack(vectors).astype(np.float64, copy=False)
            finite = np.isfinite(block)
            if not finite.all():
                row, column = np.argwhere(~finite)[0]
                raise ValueError(
                    f"value {column} of the array {name!r} is {block[row, column]}; "
                    "every value must be finite"
                )
            self._chunks.append((self._n_tokens, name, rows, block))
        self._open.clear()
        self._n_tokens += n_tokens

    def names(self) -> list[str]:
        """The names of the D columns."""
        return [f"{name}:{i}" for name, size in self.sizes.items() for i in range(size)]

    def matrix(self) -> FloatArray | None:
        """The (M, D) values, zero where a token has no such vector; None if D is 0."""
        ends = dict(zip(self.sizes, np.cumsum(list(self.sizes.values())).tolist(), strict=True))
        width = sum(self.sizes.values())
        if not width:
            return None
        dense = np.zeros((self._n_tokens, width))
        for first, name, rows, block in self._chunks:
            begin = ends[name] - self.sizes[name]
            dense[first + np.asarray(rows), begin : ends[name]] = block
        return dense
