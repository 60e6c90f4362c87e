"""Preconditioning: coordinates in which the units of features do not matter.

A feature in dollars has a weight a thousand times smaller than in thousands of dollars, and its
gradient is a thousand times larger. Such a loss is ill conditioned, and L-BFGS converges slowly.
So is one with a feature such as seconds since 1970, whose mean is ten thousand times its spread: it
is nearly collinear with the intercept. L-BFGS therefore works with coordinates u of the weights w,

    u_j = s_j w_j               for an attribute by itself, s its root mean square where it is not 0
    u = D^-1 R w                for the weights of one label in a block of related attributes

where R'R is the weighted Gram matrix of the block plus the penalty, and D the root of what that
matrix would have on its diagonal if every value were 1. In both cases u behaves like the weight of
an attribute that is 1 where it occurs. For attributes whose values are all 1, u equals w exactly:
nothing changes for text features. An outlier, such as a code for missing numbers, is clipped to a
multiple of the typical value: its token soon has a probability near 1 and adds no curvature, while
the other values still do.

A block holds the numeric attributes, which have several values, and the constant attributes that
occur on most of the same rows, such as an intercept. Without an intercept, one-hot attributes may
add up to one (each token has one part of speech); then the frequent ones of these join the block. R
comes from a QR decomposition of the rows. The Gram matrix would square the condition number, and
could not tell times within one hour, in seconds since 1970, from a constant. An L1 penalty stays
separable only under the scaling; then R goes into the quadratic model of the loss instead
(`learning.quadratic_model`).

The same numbers give the test of convergence. With h_j the diagonal of the Hessian with respect to
u, the loss can fall by about sum_j g_j^2 / (2 h_j), half the squared Newton decrement.

Source: Nocedal & Wright (2006), Numerical Optimization, section 2.2 on scaling; Boyd &
Vandenberghe (2004), Convex Optimization, section 9.5.1 on the Newton decrement; LeCun, Bottou, Orr
& Mueller (1998), Efficient BackProp, section 4.3 on inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[Any]

MOST_IN_BLOCK = 512  # attributes with differing values; more are scaled only
MOST_COMPANIONS = 64  # attributes of one value in a block
COMPANION_SHARE = 0.5  # of the rows of an attribute that its companion is on, too
RARE_COMPANION_SHARE = 1 / 64  # the same where no companion is on nearly all of them
NEARLY_ALWAYS = 0.95
MOST_ENTRIES = 2**23  # of the table that R is computed from; a longer one is subsampled
LEAST_ROWS = 8  # on which an attribute of a block is not 0, among those sampled
FAR = 100.0  # values are clipped to this multiple of the quantile below
MOST = 0.75
LEAST_SPREAD = 1e-8  # of a column's length: with less beside the others it is one of their sums


@dataclass(frozen=True, eq=False)
class Kind:
    """Weights of one kind, each the product of an attribute of rows and a column of a table.

    Letters: R rows, A attributes of which D are dense, B columns, W weights.

    Attributes
    ----------
    start : number of the first of them among all weights
    cells : (W,) rising positions attribute * B + column
    spreads : (B,) the variance of each column over its states, all being equally likely
    counts : (R,) how much each row counts; their sum alone, (1,), where there are no attributes
    sparse : (R, A - D) or None
    dense : (R, D) or None; neither: one attribute that is 1 on all rows
    units : (B,) the size of each column's values; None where that is 1
    """

    start: int
    cells: IntArray
    spreads: FloatArray
    counts: FloatArray
    sparse: sp.csr_array | None = None
    dense: FloatArray | None = None
    units: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """u = root w for some weights: places (k, n), each column those of one label; root (k, k)."""

    places: IntArray
    root: FloatArray


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Linear coordinates u of F weights w.

    Attributes
    ----------
    curvatures : (F,) about the diagonal of the Hessian by u
    scales : (F,) u / w of the weights in no block; None: u = w
    blocks : Block for each group of weights that belong together
    related : groups that are scaled only: root'root is their Hessian by u, but for a factor

    Examples
    --------
    >>> u = Coordinates(np.array([1.0, 4.0]), np.array([1.0, 100.0]))
    >>> u.of(np.array([2.0, 3.0])), u.weights(np.array([2.0, 300.0]))
    (array([  2., 300.]), array([2., 3.]))
    >>> u.gain(np.array([2.0, 4.0]))
    4.0
    """

    curvatures: FloatArray
    scales: FloatArray | None = None
    blocks: Sequence[Block] = ()
    related: Sequence[Block] = ()

    def of(self, weights: FloatArray) -> FloatArray:
        """u of weights."""
        if self.scales is None:
            return weights
        u = weights * self.scales
        for block in self.blocks:
            u[block.places] = block.root @ weights[block.places]
        return u

    def weights(self, u: FloatArray) -> FloatArray:
        """The weights that have these coordinates."""
        return self._solve(u, 0)

    def gradient(self, gradient: FloatArray) -> FloatArray:
        """The gradient by u, from that by the weights."""
        return self._solve(gradient, 1)

    def gain(self, gradient: FloatArray) -> float:
        """Estimate of how far the loss is above its minimum, from the gradient by u, in nats."""
        with np.errstate(over="ignore"):
            return 0.5 * float(gradient @ (gradient / self.curvatures))

    def _solve(self, right: FloatArray, trans: Any) -> FloatArray:
        if self.scales is None:
            return right
        from scipy.linalg import solve_triangular

        solved = right / self.scales
        for block in self.blocks:
            part = right[block.places]
            solved[block.places] = solve_triangular(
                block.root, part, trans=trans, check_finite=False
            )
        return solved


def spreads(n_states: int) -> FloatArray:
    """(n,) the variance of each state's indicator where all states are equally likely.

    Examples
    --------
    >>> spreads(2)
    array([0.25, 0.25])
    """
    share = 1.0 / n_states
    return np.full(n_states, share * (1 - share))


def typical_weight(counts: FloatArray) -> float:
    """The mean weight of the cases that count, if below 1: what gradients are in proportion to.

    Above 1 a weight is how often a case occurs, and asks for no less precision.
    """
    counting = counts[counts > 0]
    return min(float(counting.mean()), 1.0) if counting.size else 1.0


def coordinates_for(
    kinds: Sequence[Kind], n_weights: int, c2: float, *, separable: bool
) -> Coordinates:
    """Coordinates for a loss with a penalty c2 |w|^2, from the rows that it sums over.

    Parameters
    ----------
    kinds : Kind
        Of all weights.
    n_weights : F
    c2 : float
    separable : bool
        Scale each weight by itself, for penalties that would not survive a mixing of weights.

    Examples
    --------
    >>> seconds = 1.7e9 + 86400.0 * np.arange(3)
    >>> rows = np.stack([np.ones(3), seconds], axis=1)
    >>> kind = Kind(0, np.arange(2), np.array([0.25]), np.ones(3), dense=rows)
    >>> u = coordinates_for([kind], 2, 0.0, separable=False)
    >>> in_u = np.stack([u.gradient(row) for row in rows])  # the rows by u
    >>> (in_u.T @ in_u).round(6)
    array([[3., 0.],
           [0., 3.]])
    """
    curvatures, scales = np.ones(n_weights), np.ones(n_weights)
    blocks: list[Block] = []
    for kind in kinds:
        if not len(kind.cells):
            continue
        here = slice(kind.start, kind.start + len(kind.cells))
        attribute, column = np.divmod(kind.cells, len(kind.spreads))
        columns = _columns(kind)
        unit = columns.sizes[attribute]
        spread = kind.spreads[column]
        if kind.units is not None:
            unit = unit * kind.units[column]
            spread = spread / kind.units[column] ** 2
        as_ones = spread * columns.on[attribute] + 2 * c2
        as_it_is = spread * columns.squares[attribute] + _by_unit(2 * c2, unit)
        known = (as_ones > 0) & (as_it_is > 0)
        curvatures[here] = np.where(known, as_ones, 1.0)
        ratio = np.divide(as_it_is, as_ones, out=np.ones(len(unit)), where=known)
        scales[here] = unit * np.sqrt(ratio)
        blocks += _blocks(kind, columns, c2)
    if not blocks and (scales == 1.0).all():
        return Coordinates(curvatures)
    if separable:
        return Coordinates(curvatures, scales, related=[_by_scale(b, curvatures) for b in blocks])
    return Coordinates(curvatures, scales, blocks)


def _by_scale(block: Block, curvatures: FloatArray) -> Block:
    """The block with columns of length one: R by coordinates that are scaled only."""
    root = block.root * np.sqrt(curvatures[block.places[:, :1]])
    root /= np.abs(root).max(axis=0)
    return Block(block.places, root / np.sqrt((root**2).sum(axis=0)))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Statistics of each of the A attributes.

    Attributes
    ----------
    on : (A,) how much the rows count on which it is not 0
    sizes : (A,) the largest absolute value, at most FAR times that of most; 1 where there is none
    squares : (A,) the weighted sum of squares of values / size, each at most 1
    differing : (A,) whether there are several values besides 0
    """

    on: FloatArray
    sizes: FloatArray
    squares: FloatArray
    differing: npt.NDArray[np.bool_]


def _columns(kind: Kind) -> _Columns:
    if kind.sparse is None and kind.dense is None:
        total = np.array([float(kind.counts.sum())])
        return _Columns(total, np.ones(1), total, np.zeros(1, bool))
    parts = []
    if kind.sparse is not None:
        parts.append(_of_sparse(kind.sparse, kind.counts))
    if kind.dense is not None:
        parts.append(_of_dense(kind.dense, kind.counts))
    return _Columns(*map(np.concatenate, zip(*parts, strict=True)))


_Measured = tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.bool_]]


def _of_sparse(matrix: sp.csr_array, counts: FloatArray) -> _Measured:
    n = int(matrix.shape[1])
    entries = None if (counts == 1.0).all() else np.repeat(counts, np.diff(matrix.indptr))
    on = np.bincount(matrix.indices, entries, n).astype(np.float64)
    sizes, squares, differing = np.ones(n), on, np.zeros(n, bool)
    plain = matrix.data == 1.0
    if plain.all():
        return on, sizes, squares, differing
    squares = on.copy()
    some = np.unique(matrix.indices[~plain])
    columns = matrix[:, some].tocsc()
    columns.eliminate_zeros()
    on[some] = squares[some] = 0.0
    filled = np.diff(columns.indptr) > 0
    some, starts = some[filled], columns.indptr[:-1][filled]
    if len(some):
        values, each = columns.data, np.diff(columns.indptr)[filled]
        heights = np.abs(values)
        ranked = heights[np.lexsort((heights, np.repeat(np.arange(len(some)), each)))]
        usual = ranked[starts + (MOST * (each - 1)).astype(np.intp)]
        sizes[some] = np.minimum(ranked[starts + each - 1], FAR * usual)
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        differing[some] = low < high
        weights = counts[columns.indices]
        on[some] = np.add.reduceat(weights, starts)
        relative = np.minimum(heights / np.repeat(sizes[some], each), 1.0)
        squares[some] = np.where(
            low < high, np.add.reduceat(weights * relative**2, starts), on[some]
        )
    return on, sizes, squares, differing


def _of_dense(table: FloatArray, counts: FloatArray) -> _Measured:
    n = table.shape[1]
    on, sizes, squares, differing = np.zeros(n), np.ones(n), np.zeros(n), np.zeros(n, bool)
    for a in range(n):  # one by one: a table may be as large as memory allows
        there = table[:, a] != 0
        if there.any():
            values, weights = table[there, a], counts[there]
            heights = np.abs(values)
            usual = np.partition(heights, place := int(MOST * (len(heights) - 1)))[place]
            sizes[a] = min(heights.max(), FAR * usual)
            differing[a] = values.min() < values.max()
            on[a] = squares[a] = weights.sum()
            if differing[a]:
                squares[a] = weights @ np.minimum(heights / sizes[a], 1.0) ** 2
    return on, sizes, squares, differing


def _by_unit(penalty: float, unit: FloatArray) -> FloatArray:
    """penalty / unit^2, without overflow on the way."""
    with np.errstate(over="ignore"):
        return np.asarray(penalty / unit / unit)


def _blocks(kind: Kind, columns: _Columns, c2: float) -> list[Block]:
    """The blocks of one kind: one for each set of columns that have the same attributes in it."""
    members = _members(kind, columns)
    if len(members) < 2:
        return []
    table, members = _table(kind, columns, members)
    of_data: FloatArray = np.asarray(np.linalg.qr(table, mode="r"))
    n_columns = len(kind.spreads)
    cells = members[:, None] * n_columns + np.arange(n_columns)
    places = np.searchsorted(kind.cells, cells)
    there = kind.cells[np.minimum(places, len(kind.cells) - 1)] == cells
    units = np.ones(n_columns) if kind.units is None else kind.units
    groups: dict[tuple[Any, ...], list[int]] = {}
    for b in np.flatnonzero(there.sum(axis=0) > 1).tolist():
        key = there[:, b].tobytes(), float(kind.spreads[b]), float(units[b])
        groups.setdefault(key, []).append(b)
    blocks = []
    for (_, spread, unit), some in groups.items():
        kept = there[:, some[0]]
        mine = members[kept]
        sizes = columns.sizes[mine] * unit
        spread = spread / unit**2
        if not spread:
            continue
        root = triangular_factor(
            of_data[:, kept] * np.sqrt(spread), np.sqrt(_by_unit(2 * c2, sizes))
        )
        as_ones = np.sqrt(spread * columns.on[mine] + 2 * c2)
        blocks.append(
            Block(places[np.ix_(kept, some)] + kind.start, root / as_ones[:, None] * sizes)
        )
    return blocks


def triangular_factor(rows: FloatArray, penalty: FloatArray) -> FloatArray:
    """The upper triangular R with R'R = X'X + diag(penalty)^2, its diagonal positive.

    It comes from a QR decomposition of X (R, k). A column that is a sum of others, as far as
    rounding tells, is taken to differ from that by a small share of its length.

    Examples
    --------
    >>> triangular_factor(np.array([[3.0], [4.0]]), np.array([12.0])).round(6)
    array([[13.]])
    """
    lengths = np.sqrt((rows**2).sum(axis=0) + penalty**2)
    ridge = np.hypot(penalty, LEAST_SPREAD * np.where(lengths > 0, lengths, 1.0))
    stacked = np.vstack([rows, np.diag(ridge)])
    root: FloatArray = np.asarray(np.linalg.qr(stacked, mode="r"))
    return root * np.where(np.diag(root) < 0, -1.0, 1.0)[:, None]


def _members(kind: Kind, columns: _Columns) -> IntArray:
    """The attributes of a block: companions, the most frequent first, then differing ones."""
    differing = np.flatnonzero(columns.differing & (columns.on > 0))
    if not 0 < len(differing) <= MOST_IN_BLOCK:
        return differing[:0]
    n_sparse = 0 if kind.sparse is None else int(kind.sparse.shape[1])
    of_sparse = differing[differing < n_sparse]
    # on what share of the rows of which of the differing attributes each attribute is; dense ones
    # are on nearly all rows, and count as one
    every = np.arange(len(columns.on))
    share = columns.on / (kind.counts.sum() or 1.0)
    whose = np.full(len(every), len(of_sparse))
    if kind.sparse is not None and len(of_sparse):
        theirs = _where_not_zero(kind.sparse[:, of_sparse], kind.counts)
        shared = (theirs.T @ _where_not_zero(kind.sparse, np.ones(len(kind.counts)))).tocoo()
        every = np.concatenate([every[n_sparse:], shared.col])
        share = np.concatenate([share[n_sparse:], shared.data / columns.on[of_sparse][shared.row]])
        whose = np.concatenate([whose[n_sparse:], shared.row])
    plain = ~columns.differing[every] & (columns.on[every] > 0)
    every, share, whose = every[plain], share[plain], whose[plain]
    most = np.zeros(len(of_sparse) + 1)
    np.maximum.at(most, whose, share)
    least = np.where(most >= NEARLY_ALWAYS, COMPANION_SHARE, RARE_COMPANION_SHARE)
    together = np.zeros(len(columns.on), bool)
    together[every[share >= least[whose]]] = True
    companions = np.flatnonzero(together)
    order = np.argsort(-columns.on[companions], kind="stable")[:MOST_COMPANIONS]
    return np.concatenate([companions[order], differing])


def _where_not_zero(matrix: sp.csr_array, counts: FloatArray) -> sp.csr_array:
    """The rows' counts in place of the entries."""
    values = np.where(matrix.data == 0, 0.0, np.repeat(counts, np.diff(matrix.indptr)))
    return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def _table(kind: Kind, columns: _Columns, members: IntArray) -> tuple[FloatArray, IntArray]:
    """Weighted rows of the members, each by its size; without members on too few of the rows."""
    n_rows = len(kind.counts)
    rows = slice(None, None, max(-(-n_rows * len(members) // MOST_ENTRIES), 1))
    n_sparse = 0 if kind.sparse is None else int(kind.sparse.shape[1])
    parts = []
    if kind.sparse is not None:
        parts.append(
            (members < n_sparse, kind.sparse[rows][:, members[members < n_sparse]].toarray())
        )
    if kind.dense is not None:
        dense = members[members >= n_sparse] - n_sparse
        parts.append((members >= n_sparse, kind.dense[rows][:, dense]))
    counts = kind.counts[rows]
    table = np.empty((len(counts), len(members)))
    for which, values in parts:
        table[:, which] = values
    if rows.step > 1:
        kept = (table != 0).sum(axis=0) >= LEAST_ROWS
        table, members = table[:, kept], members[kept]
    table /= columns.sizes[members]
    np.clip(table, -1.0, 1.0, out=table)
    table *= np.sqrt(counts * (kind.counts.sum() / (counts.sum() or 1.0)))[:, None]
    return table, members
