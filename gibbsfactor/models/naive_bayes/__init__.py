"""Naive Bayes: features of any kind, independent given the class.

- settings.py: what parameters may be
- table.py: the rows of X, whatever they came in
- kinds.py: the kind of each column
- targets.py: classes and weights of the rows
- categories.py: the labels in a column of categories, and their codes
- family.py: what each kind of column has to do
- gaussian.py, categorical.py, multinomial.py, bernoulli.py: the four kinds
- looks.py: the model as a table and as a graph
- model.py: the columns of all kinds together
- attributes.py: what is kept of them by scikit-learn's names
- pair.py: the exponential family, and the softmax regression with the same posterior
- estimator.py: the model
"""

from __future__ import annotations

from gibbsfactor.models.naive_bayes.estimator import NaiveBayes

__all__ = ["NaiveBayes"]
