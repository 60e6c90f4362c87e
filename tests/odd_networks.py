"""Small Bayesian networks with names that no format likes."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import strategies as st

from gibbsfactor.conditional_table import ConditionalTable
from gibbsfactor.models.bayesian_network import BayesianNetwork
from gibbsfactor.variable import Variable

ODD_NAMES = [
    *("<5", "12+", "0-3_days", "1", "2.5", "-1e5", "true", "a.b", "a b", " a", "'", "a/b", "a//b"),
    *("/*", "*/", "{", "}", "a|b", "a,b", "a;b", "(", ")", "[", "]", "<a>", "&amp;", "]]>", "é"),
    *("table", "default", "property", "variable", "network", "type", "discrete", "probability"),
    *(
        "\\",
        'a"b',
        '"',
        '"a"',
        '\\"',
        "a\\",
        "\u00a0",
        "\u2028",
        "x\ty",
        "\ufeff",
        "\U0001d54f",
        "NaN",
    ),
]
names = st.sampled_from(ODD_NAMES) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6
)


def nfc(name):
    return unicodedata.normalize("NFC", name)


@st.composite
def odd_networks(draw, allowed=lambda name: True):
    """Up to five variables; rows plain, with zeros, of one state, or of very small numbers."""
    allowed_names = names.filter(allowed)
    count = draw(st.integers(0, 5))
    variables = [
        Variable(name, draw(st.lists(allowed_names, min_size=1, max_size=4, unique_by=nfc)))
        for name in draw(st.lists(allowed_names, min_size=count, max_size=count, unique_by=nfc))
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    tables = []
    for i, v in enumerate(variables):
        above = draw(st.lists(st.sampled_from(variables[:i]), max_size=3, unique=True)) if i else []
        values = rng.random([u.cardinality for u in (*above, v)])
        values *= 10.0 ** -rng.integers(0, draw(st.sampled_from([1, 300])), size=values.shape)
        values[..., 1:] *= rng.random(values[..., 1:].shape) < draw(st.sampled_from([1.0, 0.5]))
        tables.append(ConditionalTable(v, above, values / values.sum(axis=-1, keepdims=True)))
    return BayesianNetwork([tables[i] for i in draw(st.permutations(range(count)))])


def assert_same_network(p, q):
    """The same names, states, axes and bits."""
    assert type(q) is BayesianNetwork
    assert q.variables == p.variables
    for name, table in p.tables.items():
        assert q.tables[name].scope == table.scope
        assert q.tables[name].values.tobytes() == table.values.tobytes()
