"""HFFN in PyTorch with the same weights.

Both directions run as one batch, as in `argf_np.baselines.hffn`. The windows are cut by `unfold`.
"""

import torch
import torch.nn.functional as F
from torch import nn

from argf_np.baselines import hffn

from .twin import linear, parameter


class HFFN(nn.Module):
    """The whole model, from UCLN features to probabilities."""

    def __init__(self, params, variant):
        super().__init__()
        self.variant = variant
        for name, array in params["lstm"].items():
            setattr(self, name, parameter(array))
        self.dense, self.label = linear(params["dense"]), linear(params["label"])
        self.drop_lstm = nn.Dropout(hffn.LSTM_DROP_RATE)
        self.drop_dense = nn.Dropout(hffn.DENSE_DROP_RATE)

    def forward(self, x):
        """Probabilities (B, N) of features x (3, B, d), with d even."""
        windows = x.unfold(2, 2, 2)  # (3, B, L, 2)
        a, l, v = F.pad(windows, (0, 1), value=1.0)  # each (B, L, 3)
        Z = torch.einsum("bti,btj,btk->btijk", a, l, v).flatten(2)  # (B, L, 27)
        h = self.drop_lstm(self.abs_lstm(Z).tanh()).flatten(1)
        h = self.drop_dense(self.dense(h).relu())
        return self.label(h).softmax(1)

    def abs_lstm(self, Z):
        """Outputs (B, L, 2H) of both directions."""
        both = torch.cat([Z, Z.flip(1)])
        h = self.skip_lstm(both)
        paired = both if self.variant == "paper" else torch.cat([Z, Z])
        keys = F.hardtanh(torch.cat([h, paired], 2) @ self.A_1 + self.b_1, -2.5, 2.5) / 5 + 0.5
        forwards, backwards = F.elu(keys @ self.a_2 * h).chunk(2)
        return torch.cat([forwards, backwards.flip(1)], 2)

    def skip_lstm(self, Z):
        """Outputs (B, L, H) of one direction."""
        zeros = Z.new_zeros(len(Z), len(self.U))
        hs, cs = [zeros] * 3, [zeros] * 3
        for Z_t in Z.unbind(1):
            gates = Z_t @ self.W + self.attended(hs, Z_t, self.A_h) @ self.U
            i, f, g, o = (F.hardtanh(gates, -2.5, 2.5) / 5 + 0.5).chunk(4, 1)
            cs.append(f * self.attended(cs, Z_t, self.A_c) + i * g)
            hs.append(o * cs[-1].tanh())
        return torch.stack(hs[3:], 1)

    def attended(self, states, Z_t, A):
        """The last three states as one, (B, H)."""
        states = torch.stack(states[-3:])  # (3, B, H)
        Z_t = Z_t.expand(3, -1, -1)
        scores = (torch.cat([states, Z_t], 2) @ A).tanh().norm(dim=2)
        return torch.einsum("jb,jbh->bh", scores.softmax(0), states).relu()

    def loss(self, x, y):
        """Minus the mean cosine of probabilities and one-hot labels y (B, N)."""
        return -F.cosine_similarity(self(x), y).mean()
