"""Expected values of functions of a few variables, any number of them in one sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gibbsfactor.exact.inference import table_marginals
from gibbsfactor.exact.network import Network
from gibbsfactor.exact.scaled import FloatArray
from gibbsfactor.factor import Factor
from gibbsfactor.tables import Scope, names_of
from gibbsfactor.variable import Variable


def expected_values(
    factors: Sequence[Factor],
    variables: Sequence[Variable],
    functions: Sequence[tuple[Scope, FloatArray]],
    memory: int | None = None,
) -> FloatArray:
    """E[f_i(x_i)] = sum_{x_i} P(x_i) f_i(x_i) for all functions, under the product of the factors.

    Parameters
    ----------
    functions : sequence of (scope, values)
        Real numbers, with an axis for each variable of the scope. Each scope that occurs costs
        one more table in the sweep.

    Raises
    ------
    ZeroProbabilityError
        If log Z is -inf.
    OverflowError
        If a function is infinite where there is mass.
    """
    scopes = dict.fromkeys(scope for scope, values in functions if values.size > 1)
    network = Network.of(factors, variables, scopes)
    found = table_marginals(network, memory)
    place = {scope: network.n_given + i for i, scope in enumerate(scopes)}
    expected = []
    for scope, values in functions:
        if scope in place:
            table, mass = found.tables[place[scope]], found.mass[place[scope]]
            values = values.reshape(table.shape)[mass]
            table = table[mass]
        else:
            table, values = np.ones(1), values.reshape(1)
        if np.isinf(values).any():
            raise OverflowError(
                f"the function of {names_of(scope)} has values beyond what a float holds where "
                "there is mass, so its expected value has no float either"
            )
        expected.append(float(table @ values))
    return np.array(expected)


def mutual_information(joint: FloatArray) -> float:
    """I(A; B | C) in nats, from the probabilities p(a, b, c), shape (|A|, |B|, |C|).

    sum p(a, b, c) log [ p(a, b, c) p(c) / (p(a, c) p(b, c)) ], with 0 log 0 = 0.

    Source: Cover & Thomas (2006), Elements of information theory, section 2.5.

    Examples
    --------
    >>> round(mutual_information(np.array([[[0.5], [0.0]], [[0.0], [0.5]]])), 6)  # log 2
    0.693147
    """
    a_c, b_c = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    c = a_c.sum(axis=0, keepdims=True)
    possible = joint > 0
    with np.errstate(divide="ignore"):
        logs = [np.broadcast_to(np.log(t), joint.shape)[possible] for t in (joint, c, a_c, b_c)]
    terms = joint[possible] * (logs[0] + logs[1] - logs[2] - logs[3])
    return max(float(terms.sum()), 0.0)
