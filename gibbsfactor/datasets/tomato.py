"""What ails the tomato plant: a Bayesian network for explanations, examples and tests."""

from __future__ import annotations

from importlib.resources import files

from gibbsfactor.io import read_bif
from gibbsfactor.models.bayesian_network import BayesianNetwork

__all__ = ["tomato_plant"]


def tomato_plant() -> BayesianNetwork:
    """A tomato plant, from the weather to the harvest.

    Ten variables, causes before effects:

    | variable  | states                 | given                 | meaning                         |
    |-----------|------------------------|-----------------------|---------------------------------|
    | weather   | dry, wet               |                       | that of the past weeks          |
    | watering  | rare, fair, heavy      |                       | by the gardener                 |
    | soil      | dry, moist, soaked     | weather, watering     | at the roots                    |
    | roots     | sound, rotting         | soil                  | they rot in soaked soil         |
    | blight    | no, yes                | weather               | late blight, which likes it wet |
    | aphids    | no, yes                |                       | on the plant                    |
    | ladybirds | few, many              | aphids                | they come to eat aphids         |
    | leaves    | green, yellow, spotted | roots, blight, aphids | what most leaves look like      |
    | stem      | upright, wilting       | soil, roots           | it wilts from drought or rot    |
    | harvest   | poor, good             | roots, blight, aphids | of this plant                   |

    The network was made up for this library, and comes under its licence: no number in it was
    measured, so don't treat a real plant by it. It is read from a BIF file in the package.

    Returns
    -------
    BayesianNetwork
        Over 2^7 * 3^3 = 3456 joint states.

    Examples
    --------
    >>> plant = tomato_plant()
    >>> plant
    BayesianNetwork of 10 variables ('weather', 'watering', 'soil', 'roots', 'blight', 'aphids', \
'ladybirds', 'leaves', 'stem', 'harvest') and 13 edges
    >>> plant.tables["roots"]
    P(roots | soil)
    soil    sound  rotting
    dry      0.99     0.01
    moist    0.95     0.05
    soaked   0.55     0.45
    >>> plant.condition({"leaves": "yellow", "stem": "wilting"}).marginal("roots")
    roots    probability
    sound        0.31563
    rotting      0.68437
    """
    with (files("gibbsfactor.datasets") / "tomato.bif").open("rb") as file:
        return read_bif(file)
