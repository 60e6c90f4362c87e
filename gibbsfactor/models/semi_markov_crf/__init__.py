"""The semi-Markov conditional random field: sequences cut into labelled segments.

- notation.py: labels token by token, or lists of segments, to segmentations and back
- attributes.py: the attributes of segments
- parameters.py: what parameters may be
- problem.py: what a model is trained on
- graph.py: a chain as a Gibbs distribution
- decoding.py: what a trained model says
- storage.py: model files
- estimator.py: the model
"""

from __future__ import annotations

from gibbsfactor.models.semi_markov_crf.estimator import SemiMarkovCRF

__all__ = ["SemiMarkovCRF"]
