"""Solutions of notebook 13. Run it in tutorials/ with: python -m solutions.13_other_models"""

import numpy as np

from exercises import check


def size_of_bc_lstm(d, modalities, N):
    per_gate = 300 * (modalities * d + 300 + 1)
    bilstm = 2 * 4 * per_gate  # two directions, four gates
    return bilstm + (600 + 1) * 500 + (500 + 1) * N


check("13.1", size_of_bc_lstm)


def all_products(x):
    a, l, v = np.concatenate([x, np.ones((*x.shape[:2], 1))], axis=-1)  # each (B, k + 1)
    pairs = a[:, :, None] * l[:, None, :]  # (B, k + 1, k + 1)
    cube = pairs[:, :, :, None] * v[:, None, None, :]  # (B, k + 1, k + 1, k + 1)
    return cube.reshape(len(cube), -1)


check("13.2", all_products)


def low_rank(x_e, W, w):
    extended = np.concatenate([x_e, np.ones((*x_e.shape[:2], 1))], axis=-1)  # (3, B, k + 1)
    projected = extended[:, None] @ W  # (3, R, B, k)
    return np.tensordot(w, projected.prod(axis=0), 1)  # (B, k)


check("13.3", low_rank)


def attend(states, Z_t, A_state, A_window):
    keys = np.tanh(states @ A_state + Z_t @ A_window)  # (3, B, width)
    e = np.exp(np.linalg.norm(keys, axis=-1))  # (3, B)
    w = e / e.sum(axis=0)
    total = np.sum(w[..., None] * states, axis=0)  # (B, H)
    return np.maximum(total, 0)


check("13.4", attend)


def gru_step(h, gates_x, U_z, U_r, U_g):
    x_z, x_r, x_g = np.split(gates_x, 3, axis=1)
    z = np.clip(0.2 * (x_z + h @ U_z) + 0.5, 0, 1)
    r = np.clip(0.2 * (x_r + h @ U_r) + 0.5, 0, 1)
    g = np.tanh(x_g + (r * h) @ U_g)
    return z * h + (1 - z) * g


check("13.5", gru_step)

# The experiment: 74 % after 20 epochs, 83 % after 60, and 89 % at the end, epoch 226.
