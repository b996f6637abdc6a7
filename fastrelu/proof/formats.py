"""The types of the results: their range, their digits, and the arithmetic that is good enough for a truth."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastrelu.kernels.storage import is_bfloat16


@dataclass(frozen=True)
class Format:
    """A floating-point type.

    Attributes
    ----------
    name, bits
        float32, 32.
    digits, bottom, top
        Bits after the point, the least exponent of a normal number, and the exponent of the overflow.
    base
        The type of the reference.
    tolerance
        A reference whose error may be more than so many ULP decides nothing.
    """

    name: str
    bits: int
    digits: int
    bottom: int
    top: int
    base: Any
    tolerance: float

    @property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy knows it."""
        if self.name != "bfloat16":
            return np.dtype(self.name)
        import ml_dtypes

        dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        is_bfloat16(dtype)  # makes it known to the kernels
        return dtype

    @property
    def words(self) -> np.dtype[Any]:
        """The unsigned integers of its size."""
        return np.dtype(f"u{self.bits // 8}")

    @functools.cached_property
    def scale(self) -> tuple[Any, float]:
        """For `farthest`: 1 / last_place of float64 numbers by their eleven bits of exponent, and where numbers overflow."""
        exponents = np.clip(np.arange(2048) - 1023, self.bottom, self.top - 1)
        return np.ldexp(1.0, self.digits - exponents), 2.0**self.top

    def last_place(self, truth: Any) -> Any:
        """The unit in the last place of each of these numbers, which are of the reference's type."""
        _, exponent = np.frexp(truth)
        place = np.clip(exponent - 1, self.bottom, self.top - 1) - self.digits
        return np.ldexp(self.base(1), place)

    def distances(self, got: Any, truth: Any, place: Any) -> Any:
        """How far results are from the truth in units of its last place; an overflow counts as the next power of two."""
        top = np.ldexp(self.base(1), self.top)
        found = np.clip(got.astype(self.base), -top, top)
        return abs(found - np.clip(truth, -top, top)) / place


FORMATS = {
    form.name: form
    for form in (
        Format("float16", 16, 10, -14, 16, np.float64, 2**-10),
        Format("bfloat16", 16, 7, -126, 128, np.float64, 2**-10),
        Format("float32", 32, 23, -126, 128, np.float64, 2**-10),
        Format("float64", 64, 52, -1022, 1024, np.longdouble, 2**-5),
    )
}
