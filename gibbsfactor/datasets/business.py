"""A small business in six variables: the model for explanations, examples and tests."""

from __future__ import annotations

from gibbsfactor.factor import Factor
from gibbsfactor.gibbs import GibbsDistribution
from gibbsfactor.variable import Variable

__all__ = ["business_graph"]


def business_graph() -> GibbsDistribution:
    """The week of a small business, from the weekday to the cakes for the party.

    Six variables, A to F: weekday, channel (where customers come from), sign-ups, revenue,
    hiring, and cakes (how many are ordered for the party). Seven small factors of whole weights
    tie them together, so that Z is a whole number too; its induced graph is two triangles joined
    by an edge, its junction tree a chain of three cliques.

    Returns
    -------
    GibbsDistribution
        Over 2 * 3 * 3 * 3 * 2 * 4 = 432 joint states.

    Examples
    --------
    >>> week = business_graph()
    >>> week.names
    ('weekday', 'channel', 'sign-ups', 'revenue', 'hiring', 'cakes')
    >>> week.partition_function()
    446696.0
    >>> week.map_assignment()["cakes"]
    0
    """
    weekday = Variable("weekday", ["workday", "weekend"])  # A
    channel = Variable("channel", ["search", "letter", "fair"])  # B
    sign_ups = Variable("sign-ups", ["few", "some", "many"])  # C
    revenue = Variable("revenue", ["low", "middling", "high"])  # D
    hiring = Variable("hiring", ["no", "yes"])  # E
    cakes = Variable("cakes", 4)  # F
    return GibbsDistribution(
        [
            Factor(weekday, [5, 2]),
            Factor([weekday, channel], [[6, 3, 1], [2, 1, 4]]),
            Factor([weekday, sign_ups], [[2, 3, 1], [3, 2, 1]]),
            Factor([channel, sign_ups], [[4, 3, 1], [2, 3, 2], [1, 2, 6]]),
            Factor([sign_ups, revenue], [[6, 2, 1], [2, 4, 2], [1, 2, 6]]),
            Factor([revenue, hiring], [[5, 1], [3, 2], [1, 3]]),
            Factor(
                [revenue, hiring, cakes],
                [
                    [[6, 3, 1, 0], [2, 3, 2, 0]],
                    [[2, 5, 2, 1], [1, 3, 4, 1]],
                    [[1, 3, 4, 2], [0, 1, 4, 6]],
                ],
            ),
        ]
    )
