"""The other models of Tables 1 to 3 in PyTorch, with the same weights.

Each has a method ``loss`` that takes what its own model trains on. BC-LSTM is `twin.UCLN` on all
modalities side by side; HFFN has a file of its own, `twin_hffn`.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .twin import SOFTMAX, TANH, batch_norm, layers, linear, parameter


class TFN(nn.Module):
    """Tensor fusion, with the layers that Table 4 counts."""

    def __init__(self, params):
        super().__init__()
        self.decision = nn.Sequential(*layers(params, (nn.ReLU(), nn.ReLU(), SOFTMAX)))

    def forward(self, x):
        """Probabilities (B, N) of features x (3, B, d)."""
        a, l, v = F.pad(x, (0, 1), value=1.0)
        Z = torch.einsum("bi,bj,bk->bijk", a, l, v)
        return self.decision(Z.flatten(1))

    def loss(self, x, y):
        """Mean square error of the probabilities."""
        return F.mse_loss(self(x), y)


class LMF(nn.Module):
    """Low-rank fusion, with the decision network of Eq. 16."""

    def __init__(self, params):
        super().__init__()
        self.W, self.b = parameter(params["factors"]["W"]), parameter(params["factors"]["b"])
        self.weights = parameter(params["weights"])
        norm = batch_norm(params["Dec"]["norm"])
        self.decision = nn.Sequential(norm, *layers(params["Dec"], (TANH, TANH, SOFTMAX)))

    def forward(self, x):
        """Probabilities (B, N) of features x (3, B, k)."""
        m, B, k = x.shape
        rank = len(self.weights)
        projected = torch.baddbmm(self.b, x.repeat_interleave(rank, 0), self.W)
        product = projected.view(m, rank, B, k).prod(0)
        return self.decision((self.weights * product).sum(0))

    def loss(self, x, y):
        """Mean square error of the probabilities."""
        return F.mse_loss(self(x), y)


class GRU(nn.Module):
    """The GRU of Keras 2: hard sigmoids, and the reset gate acts before the product.

    `torch.nn.GRU` is another one, so this is a loop, like ours.
    """

    def __init__(self, params):
        super().__init__()
        self.W, self.U, self.b = (parameter(params[name]) for name in "WUb")

    def forward(self, x):
        """Outputs (V, T, H) of sequences x (V, T, d)."""
        H = len(self.U)
        U_gates, U_candidate = self.U.split((2 * H, H), 1)
        gates_x, candidates_x = (x @ self.W + self.b).split((2 * H, H), 2)
        h, outputs = x.new_zeros(len(x), H), []
        for gate_x, candidate_x in zip(gates_x.unbind(1), candidates_x.unbind(1), strict=True):
            gates = F.hardtanh(gate_x + h @ U_gates, -2.5, 2.5) / 5 + 0.5
            z, r = gates.chunk(2, 1)
            g = (candidate_x + (r * h) @ U_candidate).tanh()
            h = z * h + (1 - z) * g
            outputs.append(h)
        return torch.stack(outputs, 1)


class Bimodal(nn.Module):
    """Level 1 of CHFusion: one pair of modalities."""

    def __init__(self, params):
        super().__init__()
        self.W_m, self.W_n = parameter(params["m"]["W"]), parameter(params["n"]["W"])
        self.p, self.q, self.b = (parameter(params["fuse"][name]) for name in "pqb")
        self.gru = GRU(params["gru"])
        self.dense, self.label = linear(params["dense"]), linear(params["label"])
        self.drop_input, self.drop_output = nn.Dropout(0.4), nn.Dropout(0.9)

    def forward(self, x):
        """Logits (V, u, N) of padded features x (V, u, 2, d)."""
        x_m, x_n = x.unbind(2)
        f = (self.p * (x_m @ self.W_m).tanh() + self.q * (x_n @ self.W_n).tanh() + self.b).tanh()
        h = self.drop_output(self.gru(self.drop_input(f)))
        return self.label(self.dense(h).tanh())

    def loss(self, x, y, mask):
        """Mean cross-entropy of the utterances."""
        return F.cross_entropy(self(x)[mask], y[mask])


class Trimodal(nn.Module):
    """Level 2 of CHFusion: all pairs."""

    def __init__(self, params):
        super().__init__()
        self.k, self.b = parameter(params["fuse"]["k"]), parameter(params["fuse"]["b"])
        self.gru = GRU(params["gru"])
        self.dense, self.label = linear(params["dense"]), linear(params["label"])
        self.drop_input, self.drop = nn.Dropout(0.35), nn.Dropout(0.86)

    def forward(self, x):
        """Logits (V, u, N) of padded outputs x (V, u, pairs, 500) of level 1."""
        z = ((self.k * x).sum(2) + self.b).tanh()
        r = self.drop(self.gru(self.drop_input(z)))
        h = self.dense(torch.cat([z, r], 2)).relu()
        return self.label(self.drop(h))

    def loss(self, x, y, mask):
        """Mean cross-entropy of the utterances."""
        return F.cross_entropy(self(x)[mask], y[mask])
