"""Training of linear chains: which weights there are, the loss and its gradient, the trainers."""

from __future__ import annotations
