"""Numbers with their first two derivatives, so that a formula gives those as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Jet:
    """A function of one variable at some points: its value, first and second derivative there.

    Examples
    --------
    >>> x = Jet(np.array([2.0]), np.array([1.0]), np.array([0.0]))
    >>> y = (x * x + 1).log()  # log(x^2 + 1)
    >>> [float(part[0].round(6)) for part in (y.value, y.first, y.second)]
    [1.609438, 0.8, -0.24]
    """

    __array_ufunc__ = None  # so that `array - jet` is left to the jet

    value: FloatArray
    first: FloatArray
    second: FloatArray

    def __add__(self, other: Jet | FloatArray | float) -> Jet:
        if isinstance(other, Jet):
            value, first, second = other.value, other.first, other.second
            return Jet(self.value + value, self.first + first, self.second + second)
        return Jet(self.value + other, self.first, self.second)

    __radd__ = __add__

    def __sub__(self, other: Jet | FloatArray | float) -> Jet:
        return self + other * -1

    def __rsub__(self, other: FloatArray | float) -> Jet:
        return self * -1 + other

    def __mul__(self, other: Jet | FloatArray | float) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value * other, self.first * other, self.second * other)
        return Jet(
            self.value * other.value,
            self.first * other.value + self.value * other.first,
            self.second * other.value + 2 * self.first * other.first + self.value * other.second,
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Jet) -> Jet:
        value = self.value / other.value
        first = (self.first - value * other.first) / other.value
        second = (self.second - 2 * first * other.first - value * other.second) / other.value
        return Jet(value, first, second)

    def log(self) -> Jet:
        """Natural logarithm."""
        slope = self.first / self.value
        return Jet(np.log(self.value), slope, self.second / self.value - slope * slope)

    def exp(self) -> Jet:
        """Exponential."""
        value = np.exp(self.value)
        return Jet(value, value * self.first, value * (self.second + self.first * self.first))

    def sqrt(self) -> Jet:
        """Square root, of values above zero."""
        value = np.sqrt(self.value)
        first = self.first / (2 * value)
        return Jet(value, first, (self.second / 2 - first * first) / value)

    def sum(self) -> Jet:
        """Over the first axis."""
        return Jet(self.value.sum(axis=0), self.first.sum(axis=0), self.second.sum(axis=0))
