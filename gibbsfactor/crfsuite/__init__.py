"""The names of sklearn-crfsuite and python-crfsuite, for code that moves over by its import.

    import gibbsfactor.crfsuite as sklearn_crfsuite
    from gibbsfactor.crfsuite import metrics, scorers

    import gibbsfactor.crfsuite as pycrfsuite

Training and tagging are `LinearChainCRF`'s; new code is better written for that class, which can
do more.

- parameters.py: CRFsuite's parameters, and what each means here
- items.py: tokens of either kind as the model reads them
- training.py, training_log.py: training by CRFsuite's rules, and what it tells
- estimator.py: ``CRF``
- trainer.py, tagger.py: ``Trainer`` and ``Tagger``
- metrics.py, scorers.py: as in sklearn-crfsuite
"""

from __future__ import annotations

from gibbsfactor.crfsuite import metrics, scorers
from gibbsfactor.crfsuite.estimator import CRF
from gibbsfactor.crfsuite.items import ItemSequence
from gibbsfactor.crfsuite.tagger import Tagger
from gibbsfactor.crfsuite.trainer import Trainer

CRFSUITE_VERSION = "0.12.2"  # whose rules these are

__all__ = ["CRF", "CRFSUITE_VERSION", "ItemSequence", "Tagger", "Trainer", "metrics", "scorers"]
