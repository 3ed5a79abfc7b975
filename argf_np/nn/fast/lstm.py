"""The bidirectional LSTM as one operation of the tape, with back-propagation through time.

Sequences are sorted by length, longest first, and only real steps are stored. A row of the arrays
(2, n, ...) here is one step of one sequence: first all first steps, then all second steps, and so
on, so padding costs nothing. The backward direction (index 1 of axis 0) reads each sequence from
its own end. Both directions then have the same rows at each step and share every product.
"""

import numpy as np
from autograd.extend import defvjp_argnums, primitive


def bilstm(p, x, mask):
    """See `ops.bilstm`."""
    notes = rows_by_step(mask.sum(axis=1))
    return _bilstm(x, p["W"], p["U"], p["b"], notes)


def rows_by_step(lengths):
    """Which step of which sequence each row is, for sequences of ``lengths`` (V,).

    Returns a dict: ``sequence`` (n,) and ``times`` (2, n) of each row; ``steps``, a slice of rows
    for each step; ``previous``, for each row from the second step on, the row of the step before in
    the same sequence.
    """
    order = np.argsort(-lengths, kind="stable")
    T = lengths[order[0]]
    active = (lengths[order] > np.arange(T)[:, None]).sum(axis=1)  # (T,)
    stops = np.cumsum(active)
    starts = stops - active
    time = np.repeat(np.arange(T), active)
    position = np.arange(len(time)) - starts[time]  # among the rows of the same step
    sequence = order[position]
    times = np.stack([time, lengths[sequence] - 1 - time])
    previous = starts[time - 1] + position
    previous = previous[active[0]:]
    steps = [slice(*step) for step in zip(starts.tolist(), stops.tolist(), strict=True)]
    return {"sequence": sequence, "times": times, "steps": steps, "previous": previous}


def _gates(array):
    """The four parts i, f, g, o (..., H) of an array (..., 4H), as views."""
    H = array.shape[-1] // 4
    return [array[..., n * H:(n + 1) * H] for n in range(4)]


def _by_step(notes, *arrays):
    """For each array (2, n, ...), the list of its rows of each step, as views."""
    lists = []
    for array in arrays:
        lists.append([array[:, step] for step in notes["steps"]])
    return lists


@primitive
def _bilstm(x, W, U, b, notes):
    """The outputs (V, T, 2H). What the backward pass needs is added to ``notes``.

    - notes: of `rows_by_step`.
    """
    sequence, times = notes["sequence"], notes["times"]
    H = U.shape[1]
    inputs = x[sequence, times]  # (2, n, d)
    gates = np.matmul(inputs, W)  # (2, n, 4H)
    gates += b
    # sigmoid(z) = 0.5 tanh(0.5 z) + 0.5, so that one tanh serves all four gates
    scale = np.full(4 * H, 0.5, gates.dtype)
    _gates(scale)[2][:] = 1
    shift = 1 - scale
    cells = np.empty((2, len(sequence), H), gates.dtype)
    tanh_cells = np.empty_like(cells)
    outputs = np.empty_like(cells)
    z_at, c_at, tanh_c_at, h_at = _by_step(notes, gates, cells, tanh_cells, outputs)
    for t, z in enumerate(z_at):
        count = z.shape[1]
        if t > 0:
            z += np.matmul(h_at[t - 1][:, :count], U)
        z *= scale
        np.tanh(z, out=z)
        z *= scale
        z += shift
        i, f, g, o = _gates(z)
        c = np.multiply(i, g, out=c_at[t])
        if t > 0:
            c += f * c_at[t - 1][:, :count]
        np.tanh(c, out=tanh_c_at[t])
        np.multiply(o, tanh_c_at[t], out=h_at[t])
    notes.update(inputs=inputs, gates=gates, cells=cells, tanh_cells=tanh_cells, outputs=outputs)
    y = np.zeros((*x.shape[:2], 2 * H), gates.dtype)
    y[sequence, times[0], :H] = outputs[0]
    y[sequence, times[1], H:] = outputs[1]
    return y


def _bilstm_vjp(argnums, y, args, named):
    x, W, U, _, notes = args
    sequence, times, previous = notes["sequence"], notes["times"], notes["previous"]
    H = U.shape[1]

    def backward(g):
        g_h = np.stack([g[sequence, times[0], :H], g[sequence, times[1], H:]])  # (2, n, H)
        dz = _through_time(g_h, U, notes)
        cotangents = {}
        if 0 in argnums:
            dx = cotangents[0] = np.zeros_like(x)
            for time, part in zip(times, np.matmul(dz, W.swapaxes(1, 2)), strict=True):
                dx[sequence, time] += part
        if 1 in argnums:
            cotangents[1] = np.matmul(notes["inputs"].swapaxes(1, 2), dz)
        if 2 in argnums:
            h = notes["outputs"][:, previous]
            first = dz.shape[1] - len(previous)
            cotangents[2] = np.matmul(h.swapaxes(1, 2), dz[:, first:])
        if 3 in argnums:
            cotangents[3] = np.add.reduce(dz, axis=1, keepdims=True)
        return [cotangents[n] for n in argnums]

    return backward


defvjp_argnums(_bilstm, _bilstm_vjp)


def _through_time(g_h, U, notes):
    """Cotangents dz (2, n, 4H) of the gates before activation, given g_h (2, n, H) of the outputs.

    - U: (2, H, 4H).
    - notes: of `_bilstm`.
    """
    _, f, _, o = _gates(notes["gates"])
    to_cell = o * (1 - notes["tanh_cells"] ** 2)
    dz = _local_factors(notes)
    by_gate = dz.reshape(*g_h.shape[:2], 4, -1)
    dz_at, by_gate_at, dh_at, to_cell_at, f_at = _by_step(notes, dz, by_gate, g_h, to_cell, f)
    U_T = U.swapaxes(1, 2)
    later_c = None
    for t in reversed(range(len(dz_at))):
        dh = dh_at[t]
        if later_c is not None:
            dh[:, :later_c.shape[1]] += np.matmul(dz_at[t + 1], U_T)
        dc = dh * to_cell_at[t]
        if later_c is not None:
            dc[:, :later_c.shape[1]] += later_c
        by_gate_at[t][:, :, :3] *= dc[:, :, None]
        by_gate_at[t][:, :, 3] *= dh
        later_c = np.multiply(dc, f_at[t], out=dc)
    return dz


def _local_factors(notes):
    """``local`` in dz = (dc, dc, dc, dh) * local: the factors that no later step enters."""
    gates, previous = notes["gates"], notes["previous"]
    i, _, g, _ = _gates(gates)
    local = gates * (1 - gates)  # sigmoid' of i, f and o
    local_i, local_f, local_g, local_o = _gates(local)
    local_i *= g
    first = gates.shape[1] - len(previous)  # rows of the first step, which have no cell before
    local_f[:, :first] = 0
    local_f[:, first:] *= notes["cells"][:, previous]
    np.multiply(i, 1 - g * g, out=local_g)
    local_o *= notes["tanh_cells"]
    return local
