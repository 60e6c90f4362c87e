"""The linear-chain conditional random field."""

from __future__ import annotations

from gibbsfactor.models.linear_chain_crf.estimator import LinearChainCRF

__all__ = ["LinearChainCRF"]
