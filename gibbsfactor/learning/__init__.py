"""Learning the weights: objectives with their gradients, optimisers, counting.

Everything here stands on one fact: the gradient of log Z is the vector of expected features,
so that the gradient of a log-linear model's log likelihood is observed minus expected.
"""
