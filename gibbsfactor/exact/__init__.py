"""Exact inference: plan first, then contract pairwise in scaled numbers, up, down or back."""
