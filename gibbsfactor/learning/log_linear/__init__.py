"""Losses of log-linear models on any graph, with their gradients."""
