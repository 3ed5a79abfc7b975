"""The GRU as one operation of the tape, with back-propagation through time.

As in `lstm`, sequences are sorted by length and only real steps are stored, step by step, so
padding costs nothing.
"""

import numpy as np
from autograd.extend import defvjp_argnums, primitive

from .lstm import rows_by_step


def gru(p, x, mask):
    """See `ops.gru`."""
    notes = rows_by_step(mask.sum(axis=1))
    notes["times"] = notes["times"][0]  # there is no backward direction
    return _gru(x, p["W"], p["U"], p["b"], notes)


def _split(array):
    """The part of z and r (..., 2H) and that of g (..., H) of an array (..., 3H), as views."""
    H = array.shape[-1] // 3
    return array[..., :2 * H], array[..., 2 * H:]


@primitive
def _gru(x, W, U, b, notes):
    """The outputs (V, T, H). What the backward pass needs is added to ``notes``."""
    sequence, time, steps = notes["sequence"], notes["times"], notes["steps"]
    H = len(U)
    U_gates, U_candidate = _split(U)
    inputs = x[sequence, time]  # (n, d)
    activated = np.matmul(inputs, W)  # (n, 3H)
    activated += b
    outputs = np.zeros((len(sequence), H), activated.dtype)
    for t, step in enumerate(steps):
        gates, g = _split(activated[step])
        if t > 0:
            count = len(g)
            h = outputs[steps[t - 1]][:count]
            gates += np.matmul(h, U_gates)
        gates *= 0.2
        gates += 0.5
        np.clip(gates, 0, 1, out=gates)
        z, r = gates[:, :H], gates[:, H:]
        if t > 0:
            g += np.matmul(r * h, U_candidate)
        np.tanh(g, out=g)
        new = np.subtract(g, z * g, out=outputs[step])
        if t > 0:
            new += z * h
    notes.update(inputs=inputs, activated=activated, outputs=outputs)
    y = np.zeros((*x.shape[:2], H), activated.dtype)
    y[sequence, time] = outputs
    return y


def _gru_vjp(argnums, y, args, named):
    x, W, U, _, notes = args
    sequence, time = notes["sequence"], notes["times"]

    def backward(g_y):
        h = np.zeros_like(notes["outputs"])  # of the step before
        first = len(h) - len(notes["previous"])
        h[first:] = notes["outputs"][notes["previous"]]
        da = _through_time(g_y[sequence, time], h, U, notes)
        cotangents = {}
        if 0 in argnums:
            dx = cotangents[0] = np.zeros_like(x)
            dx[sequence, time] = np.matmul(da, W.T)
        if 1 in argnums:
            cotangents[1] = np.matmul(notes["inputs"].T, da)
        if 2 in argnums:
            gates, _ = _split(notes["activated"])
            r = gates[:, len(U):]
            da_gates, da_candidate = _split(da)
            dU = cotangents[2] = np.empty_like(U)
            dU_gates, dU_candidate = _split(dU)
            dU_gates[...] = np.matmul(h.T, da_gates)
            dU_candidate[...] = np.matmul((r * h).T, da_candidate)
        if 3 in argnums:
            cotangents[3] = np.add.reduce(da, axis=0, keepdims=True)
        return [cotangents[n] for n in argnums]

    return backward


defvjp_argnums(_gru, _gru_vjp)


def _through_time(g_h, h, U, notes):
    """Cotangents da (n, 3H) of z, r and g before activation, given g_h (n, H) of the outputs.

    - h: (n, H), the outputs of the step before.
    - U: (H, 3H).
    - notes: of `_gru`.
    """
    H = len(U)
    gates, g = _split(notes["activated"])
    z, r = gates[:, :H], gates[:, H:]
    da = np.empty_like(notes["activated"])
    da_gates, da_candidate = _split(da)
    # da starts as the factors that no later step enters
    np.multiply((gates > 0) & (gates < 1), gates.dtype.type(0.2), out=da_gates)
    da_z, da_r = da_gates[:, :H], da_gates[:, H:]
    da_z *= h - g
    da_r *= h
    np.multiply(1 - z, 1 - g * g, out=da_candidate)
    U_gates, U_candidate = _split(U)
    later = None
    for step in reversed(notes["steps"]):
        dh = g_h[step]
        if later is not None:
            dh[:len(later)] += later
        da_z[step] *= dh
        da_candidate[step] *= dh
        d_reset = np.matmul(da_candidate[step], U_candidate.T)  # of r h
        da_r[step] *= d_reset
        later = np.matmul(da_gates[step], U_gates.T)
        later += dh * z[step]
        later += d_reset * r[step]
    return da
