"""Proof of accuracy: every function against a reference of its own, over all inputs of its type.

The reference is the record's expression in other arithmetic than ours: NumPy's and libm's functions in float64 for results of
float32 and less, in long double for float64. Numbers carry their slope (automatic differentiation), and where it matters a
bound of their error, so that inputs at which the reference is not good enough are known: those are computed by mpmath.
"""
