"""The vertices of the graph: their names, and the two vertices that each one fuses (Figure 2).

    layer 1  unimodal   a, l, v
    layer 2  bimodal    al, vl, av        each pair of modalities
    layer 3  trimodal   av+vl to vl+a     each pair of bimodal vertices, and each bimodal vertex
                                          with a modality that it lacks (D11)

The paper has three modalities. Graphs of two, or of more than three, follow the same rule; a
graph of two modalities has no third layer.
"""

from functools import cache
from itertools import combinations

import numpy as np

ALPHAS = ("alpha_m", "alpha_2", "alpha_3")  # the weights of each layer in an output of `forward`
UNIMODAL = ("a", "l", "v")


def bimodal(modalities):
    """Layer 2 as ``{vertex: (modality, modality)}``; three modalities come in the paper's order."""
    if len(modalities) == 3:
        a, l, v = modalities
        pairs = [(a, l), (v, l), (a, v)]
    else:
        pairs = [*combinations(modalities, 2)]
    one_letter_names = all(len(m) == 1 for m in modalities)
    separator = "" if one_letter_names else "*"
    return {separator.join(pair): pair for pair in pairs}


def trimodal(modalities):
    """Layer 3 as ``{vertex: (source, source)}``; empty for two modalities.

    The paper does not print an order. Three modalities come in that of the released code (D22).
    """
    two = bimodal(modalities)
    if len(modalities) == 3:
        a, l, v = modalities
        al, vl, av = two
        pairs = [(av, vl), (av, al), (vl, al), (av, l), (al, v), (vl, a)]
    else:
        pairs = [*combinations(two, 2)]
        for vertex, its_modalities in two.items():
            pairs += [(vertex, m) for m in modalities if m not in its_modalities]
    return {"+".join(pair): pair for pair in pairs}


@cache
def source_indices(n):
    """Which vertices layers 2 and 3 fuse, for n modalities.

    Returns for each of the two layers a pair of lists ``(first, second)`` of indices into V, the
    vertices of the layers below: new vertex i fuses V[first[i]] and V[second[i]].
    """
    layer_1 = [str(number) for number in range(n)]
    layer_2 = bimodal(layer_1)
    layer_3 = trimodal(layer_1)
    return _indices(layer_2, layer_1), _indices(layer_3, [*layer_1, *layer_2])


def _indices(layer, below):
    first = [below.index(sources[0]) for sources in layer.values()]
    second = [below.index(sources[1]) for sources in layer.values()]
    return first, second


def stack_weights(out):
    """The weights of all vertices in an output of `model.forward`, in the order of the layers.

    Returns (B, 12) for three modalities, in the order of `VERTICES`.
    """
    return np.concatenate([out[name] for name in ALPHAS if name in out])[..., 0].T


BIMODAL = bimodal(UNIMODAL)
TRIMODAL = trimodal(UNIMODAL)
VERTICES = (*UNIMODAL, *BIMODAL, *TRIMODAL)  # the 12 columns of Figure 6
