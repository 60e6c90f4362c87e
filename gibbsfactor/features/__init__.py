"""From tokens to sparse features: columns, templates, dicts and lists to CSR matrices."""

from __future__ import annotations

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.feature_vectorizers import FeatureDictVectorizer, FeatureListVectorizer
from gibbsfactor.features.template_vectorizer import TemplateVectorizer
from gibbsfactor.features.templates import Template, Templates
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for, vectorizer_from_arrays

__all__ = [
    "Columns",
    "FeatureDictVectorizer",
    "FeatureListVectorizer",
    "Template",
    "TemplateVectorizer",
    "Templates",
    "Tokens",
    "Vectorizer",
    "vectorizer_for",
    "vectorizer_from_arrays",
]
