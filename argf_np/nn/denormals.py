"""Denormals: numbers so near 0 (in float32 below 1e-38) that processors compute slowly with them.

A weight that only decays ends as a denormal, and so does its gradient. Arithmetic with denormals
takes up to ten times as long.
"""


def flush_denormals(array, threshold):
    """Round what is far below ``threshold`` to 0, in place.

    - array: floats of any shape. In float32, entries below 6e-8 threshold become 0, entries near
      the threshold are rounded to multiples of that, and larger ones keep their value.
    - threshold: number far above the denormals and far below the entries that matter.
    """
    array += threshold  # the sum has no digits for the smallest entries
    array -= threshold
