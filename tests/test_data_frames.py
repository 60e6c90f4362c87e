"""Series, frames and object arrays into every model: entries count by position, whatever the index.

Each container must give what plain lists give.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_predict

from gibbsfactor import (
    BayesianNetwork,
    ConditionalTable,
    HiddenMarkovModel,
    LinearChainCRF,
    LogLinearModel,
    NaiveBayes,
    SemiMarkovCRF,
    SoftmaxRegression,
    Variable,
)
from gibbsfactor.crfsuite import CRF
from gibbsfactor.evaluation import evaluate_labels
from gibbsfactor.features import Columns, Templates
from gibbsfactor.models.log_linear import Chain, CliqueTemplate, Nodes, own


def objects(items):
    """An array of objects with one axis, as scikit-learn makes of sequences."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def cut(items, last=11):
    """A series whose index does not hold 0 and is in no order."""
    return pd.Series(list(items), index=[(last * i) % 17 + 3 for i in range(len(items))])


# ---- sequences -----------------------------------------------------------------------------

X = [[{"w": "a"}, {"w": "b"}], [{"w": "c"}], [{"w": "a"}, {"w": "d"}, {"w": "a"}], [{"w": "b"}]]
Y = [["x", "y"], ["x"], ["y", "y", "x"], ["y"]]
LENGTHS = {
    "series": (cut(X), cut(Y, 5)),
    "object arrays": (objects(X), objects(Y)),
    "series of tuples and arrays": (cut([*map(tuple, X)]), cut([*map(np.array, Y)])),
    "lists of series": ([cut(x) for x in X], [cut(y) for y in Y]),
    "lists of object arrays": ([objects(x) for x in X], [objects(y) for y in Y]),
    "labels in polars": (X, pl.Series(Y)),
}
X_EVEN = [[{"w": "a"}, {"w": "b"}], [{"w": "c"}, {"w": "d"}]] * 3
Y_EVEN = [["x", "y"], ["y", "y"]] * 3
EVEN = {
    "object arrays": (np.array(X_EVEN, dtype=object), np.array(Y_EVEN, dtype=object)),
    "labels as strings": (np.array(X_EVEN, dtype=object), np.array(Y_EVEN)),
}
MODELS = {
    "LinearChainCRF": lambda: LinearChainCRF(progress=False),
    "CRF": CRF,
    "SemiMarkovCRF": lambda: SemiMarkovCRF(segment_features=("length",), progress=False),
    "LogLinearModel": lambda: LogLinearModel(
        [CliqueTemplate(Nodes(), own), CliqueTemplate(Chain())], progress=False
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("even", [False, True])
def test_sequences_in_any_container_are_the_same(model, even):
    lists, kinds = ((X_EVEN, Y_EVEN), EVEN) if even else ((X, Y), LENGTHS)
    expected = list(map(list, MODELS[model]().fit(*lists).predict(lists[0])))
    for kind, (data, labels) in kinds.items():
        fitted = MODELS[model]().fit(data, labels)
        assert list(map(list, fitted.predict(data))) == expected, kind
        assert fitted.score(data, labels) == fitted.score(*lists)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "made", [lambda x: np.array(x, dtype=object), lambda x: x, cut], ids=["array", "list", "series"]
)
def test_a_grid_search_cuts_sequences_of_one_length(model, made):
    search = GridSearchCV(MODELS[model](), {"c2": [0.1, 1.0]}, cv=2)
    assert search.fit(made(X_EVEN), made(Y_EVEN)).best_params_ == {"c2": 0.1}


def test_weights_of_sequences():
    weights = cut([1.0, 2.0, 3.0, 1.0], 7)
    for model in ("LinearChainCRF", "LogLinearModel"):
        one = MODELS[model]().fit(cut(X), cut(Y), sample_weight=weights)
        two = MODELS[model]().fit(X, Y, sample_weight=weights.tolist())
        assert one.loss_ == two.loss_


def test_strings_as_features():
    strings = np.array([[["a", "A"], ["b", "B"]], [["c", "C"], ["d", "D"]]])
    labels = [["x", "y"], ["y", "y"]]
    one = LinearChainCRF(progress=False).fit(strings, labels)
    assert one.loss_ == LinearChainCRF(progress=False).fit(strings.tolist(), labels).loss_
    with pytest.raises(TypeError, match=r"the token is 'a', a str.*one feature a token, give"):
        LinearChainCRF(progress=False).fit(strings[:, :, 0], labels)
    templates = Templates.parse("U0:%x[0,0]\nB")
    for sentences in (strings, strings.astype(object), cut(strings.tolist())):
        assert Columns.from_sentences(sentences).column(1) == list("ABCD")
        model = LinearChainCRF(templates=templates, progress=False).fit(sentences, labels)
        assert model.predict(sentences) == labels


def test_matrices_and_their_lengths():
    frame = pd.DataFrame({"a": [0.0, 1, 2, 3, 1], "b": [1, 0, 1, 0, 1]}, index=[9, 8, 4, 5, 1])
    labels, lengths = cut("xyxyx"), cut([2, 3])
    expected = LinearChainCRF(progress=False).fit(frame.to_numpy(), list("xyxyx"), lengths=[2, 3])
    for X_, y, n in (
        (frame, labels, lengths),
        (frame.convert_dtypes(), labels.astype("category"), lengths.astype("Int64")),
        (pl.DataFrame(frame.to_dict("list")), pl.Series(list("xyxyx")), pl.Series([2, 3])),
        (objects([frame.iloc[:2], frame.iloc[2:]]), [labels.iloc[:2], labels.iloc[2:]], None),
    ):
        model = LinearChainCRF(progress=False).fit(X_, y, lengths=n)
        assert model.loss_ == pytest.approx(expected.loss_, rel=1e-12)
        assert model.predict(X_, lengths=n) == [["x", "y"], ["x", "y", "x"]]


@pytest.mark.parametrize("missing", [np.nan, pd.NA, pd.NaT, np.datetime64("NaT")])
def test_labels_that_are_not_known_are_none_and_nothing_else(missing):
    with pytest.raises(ValueError, match=r"sequence 0, position 1: the label is .*every token"):
        LinearChainCRF(progress=False).fit(X_EVEN[:1], [["x", missing]])


def test_chunks_of_series():
    truth, found = [["B-a", "I-a"], ["O"], ["B-b"]], [["B-a", "O"], ["O"], ["B-b"]]
    expected = evaluate_labels(truth, found)
    assert evaluate_labels(cut(truth), cut(found, 5)) == expected
    assert evaluate_labels(pl.Series(truth), objects(found)) == expected


# ---- hidden Markov models ------------------------------------------------------------------

WORDS = [list("aabb"), list("bbab"), list("aaba")]
LABELS = [list("xxyy"), list("yyxy"), list("xxyx")]


@pytest.mark.parametrize(
    "made", [cut, objects, lambda x: np.array(x), lambda x: np.array(x, dtype=object), pl.Series]
)
def test_sequences_of_symbols(made):
    model = HiddenMarkovModel().fit(made(WORDS), made(LABELS))
    assert model.predict(made(WORDS)) == HiddenMarkovModel().fit(WORDS, LABELS).predict(WORDS)


def test_frames_of_one_sequence_each():
    flat = pd.DataFrame({"s": list("aabb"), "x": [0.0, 1, 5, 6]}, index=[3, 1, 8, 2])
    parts = [flat.iloc[:1], flat.iloc[1:]]
    for columns, emissions in ((["s"], "categorical"), (["x"], "gaussian")):
        given = [part[columns] for part in parts]
        lists = [part[columns[0]].tolist() for part in parts]
        one, two = (
            HiddenMarkovModel(emissions=emissions).fit(data, [["u"], ["u", "v", "v"]])
            for data in (given, lists)
        )
        assert one.predict(given) == two.predict(lists)
        assert one.score(given) == two.score(lists)
    holes = flat[["x"]].astype("Float64")
    holes.loc[1] = pd.NA
    assert one.score(holes) == one.score([0.0, np.nan, 5.0, 6.0])


def test_days_are_symbols():
    days = pd.date_range("2024-05-01", periods=2)
    labels = list("xyxy")
    model = HiddenMarkovModel().fit(np.array([*days, *days], dtype="M8[ns]"), labels)
    for given in ([*days], days.to_series(), np.array(days, dtype="M8[us]"), days.to_pydatetime()):
        assert list(model.predict(given)) == ["x", "y"]


# ---- tables --------------------------------------------------------------------------------

RAIN, GRASS = Variable("rain", ["no", "yes"]), Variable("grass", ["dry", "wet"])
NETWORK = BayesianNetwork(
    [
        ConditionalTable(RAIN, [], [0.7, 0.3]),
        ConditionalTable(GRASS, [RAIN], [[0.9, 0.1], [0.2, 0.8]]),
    ]
)
CASES = pd.DataFrame(
    {"rain": ["no", "yes", "no", "yes", "no"], "grass": ["dry", "wet", "wet", "dry", "dry"]}
).iloc[[4, 2, 1, 3]]
CASES_PL = pl.DataFrame(CASES.to_dict("list"))
WEIGHTS = [1.0, 2.0, 3.0, 1.0]


def test_a_twin_takes_a_column_of_targets():
    def fitted(data, targets, weights):
        twin = NETWORK.discriminative_twin("rain", c2=1.0, progress=False)
        return twin.fit(data, targets, sample_weight=weights)

    expected = fitted(CASES.to_dict("list"), CASES["rain"].tolist(), WEIGHTS)
    for data, targets, weights in (
        (CASES, CASES["rain"], cut(WEIGHTS)),
        (CASES[["grass"]], CASES["rain"].astype("category"), WEIGHTS),
        (CASES, CASES[["rain"]], WEIGHTS),
        (CASES_PL, CASES_PL["rain"], pl.Series(WEIGHTS)),
        (cut(CASES.to_dict("records")), objects(CASES["rain"].tolist()), WEIGHTS),
        ([row for _, row in CASES.iterrows()], tuple(CASES["rain"]), WEIGHTS),
    ):
        twin = fitted(data, targets, weights)
        assert twin.loss_ == expected.loss_
        assert np.array_equal(twin.predict(data), expected.predict(CASES.to_dict("list")))
        assert twin.score(data, targets) == expected.score(CASES, CASES["rain"])
    row = expected.gibbs(CASES.iloc[1]).marginal("rain").values
    assert np.allclose(row, expected.predict_proba(CASES)[1])


def test_a_twin_names_a_column_that_is_not_there():
    twin = NETWORK.discriminative_twin("rain")
    match = r"row 0 of X has no state for 'grass' \(it has 'Grass'; did you mean 'Grass'\?\)"
    with pytest.raises(ValueError, match=match):
        twin.predict(pd.DataFrame({"Grass": ["wet"]}))
    with pytest.raises(ValueError, match=r"row 1 of X has no state for 'grass', which"):
        twin.predict({"grass": ["wet", None]})
    with pytest.raises(ValueError, match="row 0 of X: variable 'grass' has no state 'moist'"):
        twin.predict({"grass": ["moist"]})
    with pytest.raises(ValueError, match="X has two columns named 'a'"):
        twin.predict(pd.DataFrame([["a", "b"]], columns=["a", "a"]))


FEATURES = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]}, index=[5, 3, 9, 1])
CLASSES = cut("uvuv")


@pytest.mark.parametrize("model", [SoftmaxRegression, NaiveBayes])
def test_classifiers_take_rows_by_position(model):
    expected = model().fit(FEATURES.to_numpy(), list("uvuv"), WEIGHTS)
    for X_, y, weights, row in (
        (FEATURES, CLASSES, cut(WEIGHTS), FEATURES.iloc[2]),
        (FEATURES, CLASSES.astype("category"), WEIGHTS, FEATURES.iloc[2]),
        (FEATURES.convert_dtypes(), CLASSES.astype("string"), WEIGHTS, FEATURES.loc[9]),
        (
            pl.DataFrame(FEATURES.to_dict("list")),
            pl.Series(list("uvuv")),
            pl.Series(WEIGHTS),
            pl.DataFrame(FEATURES.to_dict("list"))[2],
        ),
    ):
        fitted = model().fit(X_, y, weights)
        assert np.allclose(fitted.predict_proba(X_), expected.predict_proba(FEATURES.to_numpy()))
        marginal = fitted.gibbs(row).marginal("class").values
        assert np.allclose(marginal, fitted.predict_proba(X_)[2])
    both = [
        cross_val_predict(model(), x, y, cv=2).tolist()
        for x, y in ((FEATURES, CLASSES), (FEATURES.to_numpy(), list("uvuv")))
    ]
    assert both[0] == both[1]


# ---- networks and rows ---------------------------------------------------------------------


def test_a_row_of_a_frame_is_evidence():
    for row in (CASES.iloc[1], CASES_PL.row(1, named=True), CASES_PL[1], CASES.iloc[[1]]):
        assert NETWORK.probability_of(row) == NETWORK.probability_of({"rain": "no", "grass": "wet"})
        assert NETWORK.condition(row).evidence == {"rain": "no", "grass": "wet"}
    row = pd.Series({"rain": None, "grass": "wet"})
    assert NETWORK.condition(row).marginal("rain").values.tolist() == pytest.approx(
        [7 / 31, 24 / 31]
    )
    assert NETWORK.condition({"rain": None}).evidence == {}
    with pytest.raises(TypeError, match=r"a data frame of 4 rows, but it is about one case"):
        NETWORK.condition(CASES)
    with pytest.raises(ValueError, match=r"no variable 'Rain'"):
        NETWORK.condition(CASES.rename(columns={"rain": "Rain"}).iloc[0])


def test_frames_of_any_library_as_rows():
    expected = NETWORK.marginals(evidence={"grass": CASES["grass"].tolist()})["rain"]
    for evidence in (
        CASES[["grass"]],
        CASES_PL[["grass"]],
        {"grass": CASES["grass"].astype("category")},
        {"grass": CASES_PL["grass"].cast(pl.Categorical)},
        CASES[["grass"]].to_records(index=False),
        CASES_PL[["grass"]].to_dicts(),
        cut(CASES[["grass"]].to_dict("records")),
        [row for _, row in CASES[["grass"]].iterrows()],
        list(CASES[["grass"]].itertuples()),
        (row for row in CASES[["grass"]].to_dict("records")),
        {"grass": iter(CASES["grass"])},
    ):
        assert np.array_equal(NETWORK.marginals(evidence=evidence)["rain"], expected)


def test_days_in_rows():
    days = pd.date_range("2024-05-01", periods=2)
    day = Variable("day", days.to_numpy())
    p = BayesianNetwork([ConditionalTable(day, [], {days[1]: 0.75, days[0]: 0.25})])
    for column in (
        days,
        days.to_numpy(),
        days.to_numpy().astype("M8[D]"),
        pl.Series([*days.to_pydatetime()]),
        pl.Series([*days.to_pydatetime()]).cast(pl.Date),
        np.ma.array(days.to_numpy(), mask=[False, False]),
    ):
        assert p.log_partition(evidence={"day": column}).tolist() == pytest.approx(
            [np.log(0.25), np.log(0.75)]
        )
        fitted = BayesianNetwork.fit(p, {"day": column})
        assert fitted.tables["day"].values.tolist() == [0.5, 0.5]


def test_unseen_states_may_be_missing():
    rows = pd.DataFrame({"grass": ["dry", "moist", "wet"]})
    with pytest.raises(ValueError, match="'grass' the state 'moist' in row 1"):
        NETWORK.marginals(evidence=rows)
    holes = rows.replace("moist", np.nan)
    for ask in (NETWORK.log_partition, lambda **k: NETWORK.marginals(**k)["rain"]):
        assert np.array_equal(ask(evidence=rows, unseen="missing"), ask(evidence=holes))
    assert NETWORK.marginal("rain", evidence=rows, unseen="missing")[1] == pytest.approx([0.7, 0.3])
    best = NETWORK.map_assignment(rows, unseen="missing")
    assert best["grass"].tolist() == ["dry", "dry", "wet"]
    assert NETWORK.sample(evidence=rows, rng=0, unseen="missing")["grass"][2] == "wet"
    likelihoods = [NETWORK.log_likelihood(r, unseen="missing") for r in (rows, holes)]
    assert likelihoods[0] == likelihoods[1]
    states = {"rain": ["no", "yes"], "grass": ["dry", "wet"]}
    data = rows.assign(rain=["no", "yes", "yes"])
    fits = [
        BayesianNetwork.fit(NETWORK, d, states=states, unseen="missing", rng=0)
        for d in (data, data.replace("moist", np.nan))
    ]
    assert fits[0].tables["grass"].allclose(fits[1].tables["grass"])
    with pytest.raises(
        ValueError, match="unseen is 'ignore'; it must be one of 'error', 'missing'"
    ):
        NETWORK.log_partition(evidence=rows, unseen="ignore")
    with pytest.raises(
        ValueError, match=r"'grass' the state \['dry'\] in row 0.*a list is no state"
    ):
        NETWORK.log_likelihood({"grass": [["dry"]]}, unseen="missing")


@pytest.mark.parametrize("smoothing", [{}, {"pseudo_count": 1}, {"equivalent_sample_size": 5}])
@pytest.mark.parametrize("missing", [False, True])
def test_learning_on_is_one_fit_on_all_rows(smoothing, missing):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"a": rng.integers(0, 2, 60), "b": rng.integers(0, 3, 60)})
    rows["c"] = (rows["a"] + rows["b"] + rng.integers(0, 2, 60)) % 3
    if missing:
        rows = rows.astype(object).mask(rng.random(rows.shape) < 0.2)
    weights = cut(rng.random(60))
    edges, states = [("a", "c"), ("b", "c")], {"a": 2, "b": 3, "c": 3}
    options = {"states": states, "rng": 0, "tol": 1e-9, **smoothing}
    whole = BayesianNetwork.fit(edges, rows, sample_weight=weights, **options)
    first = BayesianNetwork.fit(edges, rows[:25], sample_weight=weights[:25], **options)
    before = first.tables["c"].values.copy()
    on = first.partial_fit(rows[25:40], sample_weight=weights[25:40], rng=0, tol=1e-9)
    on = on.partial_fit(rows[40:], sample_weight=weights[40:], rng=0, tol=1e-9)
    for name in states:
        np.testing.assert_allclose(on.tables[name].values, whole.tables[name].values, atol=1e-12)
    assert on.training.log_likelihood == pytest.approx(whole.training.log_likelihood, rel=1e-12)
    assert np.array_equal(first.tables["c"].values, before)
    assert on.names == whole.names


def test_learning_on_needs_counts_and_known_states():
    with pytest.raises(
        ValueError, match=r"no counts to add to: its tables were given, not learned"
    ):
        NETWORK.partial_fit(CASES)
    fitted = BayesianNetwork.fit([("rain", "grass")], CASES)
    with pytest.raises(ValueError, match="gives 'grass' the state 'moist' in row 0"):
        fitted.partial_fit({"rain": ["no"], "grass": ["moist"]})


def test_mistakes_in_data_are_named():
    listy = pd.DataFrame({"rain": ["no", "yes"], "grass": ["dry", ["wet"]]})
    with pytest.raises(TypeError, match=r"column 'grass' has \['wet'\] in row 1.* list can't be a"):
        BayesianNetwork.fit([("rain", "grass")], listy)
    with pytest.raises(ValueError, match=r"column for 'Grass', but .*; did you mean 'grass'\?"):
        NETWORK.log_likelihood(CASES.rename(columns={"grass": "Grass"}))
    with pytest.raises(ValueError, match=r"column for 'id', but .*; leave out what is no variable"):
        NETWORK.log_likelihood(CASES.assign(id=1))
    with pytest.raises(TypeError, match=r"a column named 0, a int; .*rename\(columns=str\)"):
        NETWORK.log_likelihood(pd.DataFrame([["no", "dry"]]))
    assert NETWORK.log_likelihood({"rain": [None, None]}) == 0.0


def test_columns_of_polars_keep_their_types():
    data = {
        "b": [True, False, None, True],
        "n": [1.0, 2.5, None, 4.0],
        "c": ["x", None, "y", "x"],
        "k": ["p", "q", "p", None],
    }
    frame, y = pl.DataFrame(data, schema_overrides={"k": pl.Categorical}), list("uvuv")
    ours = NaiveBayes().fit(frame, y)
    theirs = NaiveBayes().fit(pd.DataFrame(data), y)
    assert ours.kinds_ == theirs.kinds_ == ("bernoulli", "gaussian", "categorical", "categorical")
    for given in (frame, pd.DataFrame(data)):
        assert np.allclose(ours.predict_proba(given), theirs.predict_proba(pd.DataFrame(data)))
    assert NaiveBayes().fit(frame[["b", "n"]], y).kinds_ == ("bernoulli", "gaussian")
    row = ours.gibbs(frame.row(0, named=True)).marginal("class").values
    assert np.allclose(row, ours.predict_proba(frame)[0])
