"""Reading and writing files in the formats of the field, and objects of other libraries.

A format is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gibbsfactor.io.bif import read_bif as read_bif
    from gibbsfactor.io.bif import write_bif as write_bif
    from gibbsfactor.io.conll import read_conll as read_conll
    from gibbsfactor.io.conll import write_conll as write_conll
    from gibbsfactor.io.crfsuite_model import CRFsuiteModel as CRFsuiteModel
    from gibbsfactor.io.crfsuite_model import read_crfsuite_model as read_crfsuite_model
    from gibbsfactor.io.crfsuite_model import write_crfsuite_model as write_crfsuite_model
    from gibbsfactor.io.crfsuite_text import read_crfsuite as read_crfsuite
    from gibbsfactor.io.crfsuite_text import write_crfsuite as write_crfsuite
    from gibbsfactor.io.hugin import read_hugin as read_hugin
    from gibbsfactor.io.hugin import write_hugin as write_hugin
    from gibbsfactor.io.libdai import read_libdai as read_libdai
    from gibbsfactor.io.libdai import write_libdai as write_libdai
    from gibbsfactor.io.models import read_model as read_model
    from gibbsfactor.io.models import write_model as write_model
    from gibbsfactor.io.text import read_text as read_text
    from gibbsfactor.io.text import write_text as write_text
    from gibbsfactor.io.uai import read_uai as read_uai
    from gibbsfactor.io.uai import write_uai as write_uai
    from gibbsfactor.io.uai_evidence import read_uai_evidence as read_uai_evidence
    from gibbsfactor.io.uai_evidence import read_uai_samples as read_uai_samples
    from gibbsfactor.io.uai_evidence import write_uai_evidence as write_uai_evidence
    from gibbsfactor.io.uai_results import UAIResults as UAIResults
    from gibbsfactor.io.uai_results import read_uai_results as read_uai_results
    from gibbsfactor.io.uai_results import write_uai_results as write_uai_results
    from gibbsfactor.io.with_crfsuite import from_crfsuite as from_crfsuite
    from gibbsfactor.io.with_crfsuite import to_crfsuite as to_crfsuite
    from gibbsfactor.io.with_pgmpy import from_pgmpy as from_pgmpy
    from gibbsfactor.io.with_pgmpy import to_pgmpy as to_pgmpy
    from gibbsfactor.io.with_pyagrum import from_pyagrum as from_pyagrum
    from gibbsfactor.io.with_pyagrum import to_pyagrum as to_pyagrum
    from gibbsfactor.io.xdsl import read_xdsl as read_xdsl
    from gibbsfactor.io.xdsl import write_xdsl as write_xdsl
    from gibbsfactor.io.xmlbif import read_xmlbif as read_xmlbif
    from gibbsfactor.io.xmlbif import write_xmlbif as write_xmlbif

_HOMES = {
    "CRFsuiteModel": "crfsuite_model",
    "UAIResults": "uai_results",
    "from_crfsuite": "with_crfsuite",
    "from_pgmpy": "with_pgmpy",
    "from_pyagrum": "with_pyagrum",
    "read_bif": "bif",
    "read_conll": "conll",
    "read_crfsuite": "crfsuite_text",
    "read_crfsuite_model": "crfsuite_model",
    "read_hugin": "hugin",
    "read_libdai": "libdai",
    "read_model": "models",
    "read_text": "text",
    "read_uai": "uai",
    "read_uai_evidence": "uai_evidence",
    "read_uai_results": "uai_results",
    "read_uai_samples": "uai_evidence",
    "read_xdsl": "xdsl",
    "read_xmlbif": "xmlbif",
    "to_crfsuite": "with_crfsuite",
    "to_pgmpy": "with_pgmpy",
    "to_pyagrum": "with_pyagrum",
    "write_bif": "bif",
    "write_conll": "conll",
    "write_crfsuite": "crfsuite_text",
    "write_crfsuite_model": "crfsuite_model",
    "write_hugin": "hugin",
    "write_libdai": "libdai",
    "write_model": "models",
    "write_text": "text",
    "write_uai": "uai",
    "write_uai_evidence": "uai_evidence",
    "write_uai_results": "uai_results",
    "write_xdsl": "xdsl",
    "write_xmlbif": "xmlbif",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gibbsfactor.io' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"gibbsfactor.io.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
