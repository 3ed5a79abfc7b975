"""Denormals: numbers so near 0 (in float32 below 1e-38) that a processor is slow with them."""


def flush_denormals(array, threshold):
    """Round entries far below ``threshold`` to 0, in place.

    A weight that only decays ends as a denormal and makes its gradients denormal too. Arithmetic
    with such numbers takes up to ten times as long.

    - array: floats of any shape. In float32, entries are rounded to multiples of about 1e-7 times
      the threshold, so smaller ones become 0, and those above it change by rounding at most.
    - threshold: positive number.
    """
    array += threshold
    array -= threshold
