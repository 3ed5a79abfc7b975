"""The bidirectional LSTM as one operation of the tape, with back-propagation through time.

Sequences are sorted by length, longest first, and only real steps are stored. Row r of the arrays
(2, n, ...) here is one step of one sequence: first all first steps, then all second steps, and so
on. At step t the first active[t] sequences are still running, so padding costs nothing. The
backward direction (index 1 of axis 0) reads each sequence from its own end. Both directions then
have the same active sequences and share every product.
"""

from itertools import pairwise

import numpy as np
from autograd.extend import defvjp_argnums, primitive


def bilstm(p, x, mask):
    """See `ops.bilstm`."""
    return _bilstm(x, p["W"], p["U"], p["b"], mask.sum(axis=1), {})


def _rows(lengths):
    """Where each row comes from.

    - lengths: (V,) steps of each sequence.

    Returns the sequence (n,) of each row, its time in both directions (2, n), and per step the
    slice of its rows and their number.
    """
    order = np.argsort(-lengths, kind="stable")
    T = lengths[order[0]]
    active = (lengths[order] > np.arange(T)[:, None]).sum(axis=1)  # (T,)
    starts = np.concatenate([[0], np.cumsum(active)])
    time = np.repeat(np.arange(T), active)
    sequence = order[np.arange(starts[-1]) - starts[time]]
    times = np.stack([time, lengths[sequence] - 1 - time])
    steps = [(slice(start, stop), stop - start) for start, stop in pairwise(starts)]
    return sequence, times, steps


def _gates(array):
    """The four parts i, f, g, o (..., H) of an array (..., 4H), as views."""
    H = array.shape[-1] // 4
    return [array[..., n * H:(n + 1) * H] for n in range(4)]


@primitive
def _bilstm(x, W, U, b, lengths, saved):
    """The dict ``saved`` receives what the backward pass needs: gates, cells and more, per row."""
    sequence, times, steps = _rows(lengths)
    H = U.shape[1]
    inputs = x[sequence, times]  # (2, n, d)
    gates = np.matmul(inputs, W)  # (2, n, 4H)
    gates += b
    # sigmoid(z) = 0.5 tanh(0.5 z) + 0.5, so that one tanh serves all four gates
    scale = np.full(4 * H, 0.5, gates.dtype)
    _gates(scale)[2][:] = 1
    shift = 1 - scale
    cells = np.empty((2, len(sequence), H), gates.dtype)
    tanh_cells, outputs = np.empty_like(cells), np.empty_like(cells)
    h = c = None
    for rows, count in steps:
        z = gates[:, rows]
        if h is not None:
            z += np.matmul(h[:, :count], U)
        z *= scale
        np.tanh(z, out=z)
        z *= scale
        z += shift
        i, f, g, o = _gates(z)
        new = np.multiply(i, g, out=cells[:, rows])
        if c is not None:
            new += f * c[:, :count]
        c = new
        tanh_c = np.tanh(c, out=tanh_cells[:, rows])
        h = np.multiply(o, tanh_c, out=outputs[:, rows])
    saved.update(sequence=sequence, times=times, steps=steps, inputs=inputs, gates=gates,
                 cells=cells, tanh_cells=tanh_cells, outputs=outputs)
    y = np.zeros((*x.shape[:2], 2 * H), gates.dtype)
    y[sequence, times[0], :H] = outputs[0]
    y[sequence, times[1], H:] = outputs[1]
    return y


def _bilstm_vjp(argnums, y, args, named):
    x, W, U, _, _, saved = args
    sequence, times, steps = saved["sequence"], saved["times"], saved["steps"]
    H = U.shape[1]

    def backward(g_y):
        g_h = np.stack([g_y[sequence, times[0], :H], g_y[sequence, times[1], H:]])  # (2, n, H)
        previous = _previous_rows(steps)
        dz = _through_time(g_h, U, saved, previous)  # (2, n, 4H)
        cotangents = {}
        if 0 in argnums:
            dx = cotangents[0] = np.zeros_like(x)
            for direction, part in enumerate(np.matmul(dz, W.swapaxes(1, 2))):
                dx[sequence, times[direction]] += part
        if 1 in argnums:
            cotangents[1] = np.matmul(saved["inputs"].swapaxes(1, 2), dz)
        if 2 in argnums:
            h, later = saved["outputs"][:, previous], dz[:, len(dz[0]) - len(previous):]
            cotangents[2] = np.matmul(h.swapaxes(1, 2), later)
        if 3 in argnums:
            cotangents[3] = np.add.reduce(dz, axis=1, keepdims=True)
        return [cotangents[n] for n in argnums]

    return backward


defvjp_argnums(_bilstm, _bilstm_vjp)


def _previous_rows(steps):
    """For each row after the first step, the row of the step before in the same sequence."""
    previous = [np.arange(0)]
    for (before, _), (_, count) in pairwise(steps):
        previous.append(np.arange(before.start, before.start + count))
    return np.concatenate(previous)


def _through_time(g_h, U, saved, previous):
    """Cotangents dz (2, n, 4H) of the gates before their activation; overwrites g_h.

    - g_h: (2, n, H), cotangents of the outputs.
    - U: (2, H, 4H).
    - saved: of `_bilstm`.
    - previous: of `_previous_rows`.
    """
    dz = _local_factors(saved, previous)
    by_gate = dz.reshape(*g_h.shape[:2], 4, -1)
    _, f, _, o = _gates(saved["gates"])
    to_cell = o * (1 - saved["tanh_cells"] ** 2)
    U_T = U.swapaxes(1, 2)
    later_h = later_c = None
    for rows, count in reversed(saved["steps"]):
        dh = g_h[:, rows]
        if later_h is not None:
            dh[:, :later_h.shape[1]] += later_h
        dc = dh * to_cell[:, rows]
        if later_c is not None:
            dc[:, :later_c.shape[1]] += later_c
        by_gate[:, rows, :3] *= dc[:, :, None]
        by_gate[:, rows, 3] *= dh
        if rows.start > 0:
            later_h = np.matmul(dz[:, rows], U_T)
            later_c = np.multiply(dc, f[:, rows], out=dc)
    return dz


def _local_factors(saved, previous):
    """The factors ``local`` of dz = (dc, dc, dc, dh) * local, which no later step enters."""
    gates = saved["gates"]
    i, _, g, _ = _gates(gates)
    local = gates * (1 - gates)  # sigmoid' of i, f and o
    local_i, local_f, local_g, local_o = _gates(local)
    local_i *= g
    first = gates.shape[1] - len(previous)  # rows of the first step, which have no cell before
    local_f[:, :first] = 0
    local_f[:, first:] *= saved["cells"][:, previous]
    np.multiply(i, 1 - g * g, out=local_g)
    local_o *= saved["tanh_cells"]
    return local
