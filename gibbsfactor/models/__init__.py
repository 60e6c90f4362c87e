"""Trainable models, one a file; each can give the Gibbs distribution that it is."""
