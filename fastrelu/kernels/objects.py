"""Python's and NumPy's objects as compiled code sees them: the places of their fields, in words."""

from __future__ import annotations

# Of any object: its type, after the reference count. Of an array:
TYPE, DATA, NDIM, SHAPE, STRIDES, DTYPE, FLAGS = 1, 2, 3, 4, 5, 7, 8  # NDIM and FLAGS are the low halves of theirs
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400  # flags
LENGTH_OF_TUPLE, ITEM_OF_TUPLE = 2, 3
GIL_BYTES = 1 << 12  # from how much work on other Python threads may run: NumPy takes 500 elements
