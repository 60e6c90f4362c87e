"""From tokens to attributes: columns and templates, dicts, lists and arrays to CSR matrices."""

from __future__ import annotations

from gibbsfactor.features.columns import Columns
from gibbsfactor.features.constraints import Constraints
from gibbsfactor.features.derived_columns import with_affixes_and_shape
from gibbsfactor.features.feature_vectorizers import FeatureDictVectorizer, FeatureListVectorizer
from gibbsfactor.features.named_tokens import NamedTokens
from gibbsfactor.features.sequences import as_sequences
from gibbsfactor.features.template_vectorizer import TemplateVectorizer
from gibbsfactor.features.templates import Template, Templates
from gibbsfactor.features.tokens import Tokens
from gibbsfactor.features.tokens_vectorizer import TokensVectorizer
from gibbsfactor.features.vectorizers import Vectorizer, vectorizer_for, vectorizer_from_arrays

__all__ = [
    "Columns",
    "Constraints",
    "FeatureDictVectorizer",
    "FeatureListVectorizer",
    "NamedTokens",
    "Template",
    "TemplateVectorizer",
    "Templates",
    "Tokens",
    "TokensVectorizer",
    "Vectorizer",
    "as_sequences",
    "vectorizer_for",
    "vectorizer_from_arrays",
    "with_affixes_and_shape",
]
