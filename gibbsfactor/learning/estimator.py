"""scikit-learn's conventions of estimators, without loading it.

scikit-learn takes a second and a hundred megabytes to load, more than many a model needs to label a
file. It asks an estimator for its parameters and its tags, and that is all that is here; what is
scikit-learn's own is loaded when it asks, or when one of its exceptions is raised.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Any, Self


class Estimator:
    """Parameters by name: those of ``__init__``, kept as attributes as they were given.

    Examples
    --------
    >>> class Constant(Estimator):
    ...     def __init__(self, value=0):
    ...         self.value = value
    >>> Constant().set_params(value=2)
    Constant(value=2)
    >>> Constant(3).get_params()
    {'value': 3}
    """

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """The parameters and their default values, in order."""
        given = inspect.signature(cls.__init__).parameters
        return {name: p.default for name, p in given.items() if name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; ``deep`` is there by convention, none holds an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ValueError
            If there is no parameter of such a name; the message lists those that there are.
        """
        known = self._defaults()
        for name, value in parameters.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, default in self._defaults().items()
            if not _same(getattr(self, name), default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's searches and cross-validation ask: y is needed, X is no table."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(two_d_array=False),
        )


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value is default or value == default)
    except ValueError:  # arrays
        return False


def not_fitted(message: str) -> Exception:
    """scikit-learn's NotFittedError, to be raised."""
    from sklearn.exceptions import NotFittedError

    return NotFittedError(message)  # type: ignore[no-any-return]


def warn_not_converged(message: str, stacklevel: int) -> None:
    """Warn with scikit-learn's ConvergenceWarning."""
    from sklearn.exceptions import ConvergenceWarning

    warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel + 1)
