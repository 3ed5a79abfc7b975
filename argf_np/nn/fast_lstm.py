"""The bidirectional LSTM as one operation of the tape, with back-propagation through time written by hand.

Sequences are sorted by length, longest first, and only real steps are stored: row r of every array here is one step of
one sequence, all first steps first, then all second steps, and so on. At step t the first active[t] sequences are still
running, so padding costs nothing. The backward direction reads each sequence from its own end; then both directions
have the same active counts and go through every product together (axis 0).
"""

from itertools import pairwise

import numpy as np

from .gradients import operation


def bilstm(p, x, mask):
    """See `readable.bilstm`."""
    return _bilstm(x, p["W"], p["U"], p["b"], mask.sum(axis=1), {})


def _rows(lengths):
    """Where row r comes from: its sequence (n,), its time forwards and backwards (2, n), the rows of each step."""
    order = np.argsort(-lengths, kind="stable")
    T = lengths[order[0]]
    active = (lengths[order] > np.arange(T)[:, None]).sum(axis=1)  # (T,)
    starts = np.concatenate([[0], np.cumsum(active)])
    time = np.repeat(np.arange(T), active)
    sequence = order[np.arange(starts[-1]) - starts[time]]
    steps = [(slice(a, b), b - a) for a, b in pairwise(starts)]
    return sequence, np.stack([time, lengths[sequence] - 1 - time]), steps


def _bilstm_forward(x, W, U, b, lengths, saved):
    """Fills ``saved`` with what the way back needs: the activated gates, cells, their tanh and outputs of every row."""
    sequence, times, steps = _rows(lengths)
    H = U.shape[1]
    inputs = x[sequence, times]  # (2, n, d)
    gates = np.matmul(inputs, W)  # (2, n, 4H), order i, f, g, o
    gates += b
    # sigmoid(z) = 0.5 tanh(0.5 z) + 0.5, so that one tanh serves all four gates
    scale = np.full(4 * H, 0.5, gates.dtype)
    scale[2 * H:3 * H] = 1
    shift = 1 - scale
    shift[shift == 0] = 0
    cells, outputs = (np.empty((2, len(sequence), H), gates.dtype) for _ in range(2))
    tanh_cells = np.empty_like(cells)
    h = c = None
    for rows, count in steps:
        z = gates[:, rows]
        if h is not None:
            z += np.matmul(h[:, :count], U)
        z *= scale
        np.tanh(z, out=z)
        z *= scale
        z += shift
        i, f, g, o = (z[:, :, gate * H:(gate + 1) * H] for gate in range(4))
        new = cells[:, rows]
        np.multiply(i, g, out=new)
        if c is not None:
            new += f * c[:, :count]
        c = new
        np.tanh(c, out=tanh_cells[:, rows])
        h = np.multiply(o, tanh_cells[:, rows], out=outputs[:, rows])
    saved.update(sequence=sequence, times=times, steps=steps, inputs=inputs, gates=gates, cells=cells,
                 tanh_cells=tanh_cells, outputs=outputs)
    y = np.zeros((*x.shape[:2], 2 * H), gates.dtype)
    y[sequence, times[0], :H] = outputs[0]
    y[sequence, times[1], H:] = outputs[1]
    return y


def _bilstm_vjp(argnums, y, args, kwargs):
    x, W, U, _, _, s = args
    H = U.shape[1]

    def backward(g_y):
        sequence, times, steps, gates = (s[name] for name in ("sequence", "times", "steps", "gates"))
        first = steps[0][1]  # rows of step 0, which have no predecessor
        previous = np.concatenate([np.arange(rows.start - before.stop + before.start, rows.start)[:count]
                                   for (before, _), (rows, count) in pairwise(steps)]
                                  or [np.arange(0)])
        g_h = np.stack([g_y[sequence, times[0], :H], g_y[sequence, times[1], H:]])  # (2, n, H)
        i, f, g, o = (gates[:, :, n * H:(n + 1) * H] for n in range(4))
        # every factor that does not depend on later steps, for all rows at once: dz = (dc, dc, dc, dh) * local
        local = gates * (1 - gates)  # sigmoid' of i, f and o
        local_i, local_f, local_g, local_o = (local[:, :, n * H:(n + 1) * H] for n in range(4))
        local_i *= g
        local_f[:, :first] = 0
        local_f[:, first:] *= s["cells"][:, previous]
        np.multiply(i, 1 - g * g, out=local_g)
        local_o *= s["tanh_cells"]
        to_cell = o * (1 - s["tanh_cells"] ** 2)
        local = local.reshape(2, -1, 4, H)
        U_T = U.swapaxes(1, 2)
        later_h = later_c = None
        for rows, count in reversed(steps):
            dh = g_h[:, rows]
            if later_h is not None:
                dh[:, :later_h.shape[1]] += later_h
            dc = dh * to_cell[:, rows]
            if later_c is not None:
                dc[:, :later_c.shape[1]] += later_c
            dz = local[:, rows]
            dz[:, :, :3] *= dc[:, :, None]
            dz[:, :, 3] *= dh
            if rows.start > 0:
                later_h = np.matmul(dz.reshape(2, count, 4 * H), U_T)
                later_c = np.multiply(dc, f[:, rows], out=dc)
        dz = local.reshape(2, -1, 4 * H)
        cotangents = {}
        if 0 in argnums:
            dx = np.zeros_like(x)
            for direction, part in enumerate(np.matmul(dz, W.swapaxes(1, 2))):
                dx[sequence, times[direction]] += part
            cotangents[0] = dx
        if 1 in argnums:
            cotangents[1] = np.matmul(s["inputs"].swapaxes(1, 2), dz)
        if 2 in argnums:
            cotangents[2] = np.matmul(s["outputs"][:, previous].swapaxes(1, 2), dz[:, first:])
        if 3 in argnums:
            cotangents[3] = np.add.reduce(dz, axis=1, keepdims=True)
        return [cotangents[n] for n in argnums]

    return backward


_bilstm = operation(_bilstm_forward, _bilstm_vjp)
