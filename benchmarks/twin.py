"""The same networks in PyTorch, holding the same weights: what we are timed against and compared with.

Two twins of ARGF have one interface. `Released` works as the authors' code does: a network for each modality on its
own, each vertex of the graph on its own, four backward passes through the whole graph, Adam as it comes. `Best` is the
fastest we could write: the three modalities as one batched product, only the gradients that a step needs, fused Adam.

A twin is built from a tree of our parameters. Built from a tree of our gradients, it holds our gradients in its own
layout, which is how `check_argf` and `check_ucln` compare the two.
"""

from dataclasses import replace
from itertools import zip_longest

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from argf_np import gfn_eq10_16 as gfn
from argf_np import training, ucln
from argf_np.model import MODALITIES
from argf_np.nn import map_leaves, value_and_grad

TANH, SOFTMAX, SIGMOID, IDENTITY = nn.Tanh(), nn.Softmax(-1), nn.Sigmoid(), nn.Identity()
LEAKY, LEAKY_2 = nn.LeakyReLU(0.01), nn.LeakyReLU(0.2)


def parameter(array):
    """A trainable copy, of the array's own type."""
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def linear(p):
    """One of our dense layers."""
    layer = nn.utils.skip_init(nn.Linear, *p["W"].shape)
    layer.weight, layer.bias = parameter(p["W"].T), parameter(p["b"][0])
    return layer


def batch_norm(p):
    """One of our batch norms; with its statistics if it is frozen for evaluation."""
    layer = nn.BatchNorm1d(p["gamma"].shape[1], track_running_stats="mean" in p)
    layer.weight, layer.bias = parameter(p["gamma"][0]), parameter(p["beta"][0])
    if "mean" in p:
        layer.running_mean, layer.running_var = torch.tensor(p["mean"][0]), torch.tensor(p["var"][0])
    return layer


class BankLinear(nn.Module):
    """A bank of dense layers as one batched product, features first: (m, in, B) -> (m, out, B)."""

    def __init__(self, p):
        super().__init__()
        self.weight, self.bias = parameter(p["W"].swapaxes(1, 2)), parameter(p["b"].swapaxes(1, 2))

    def forward(self, x):
        return torch.baddbmm(self.bias, self.weight, x)


class BankNorm(nn.Module):
    """A bank of batch norms as one: with features first, m banks of n units are m n units."""

    def __init__(self, p):
        super().__init__()
        self.norm = batch_norm({name: leaf.reshape(1, -1) for name, leaf in p.items() if name not in ("W", "b")})

    def forward(self, x):
        return self.norm(x.view(1, -1, x.shape[2])).view(x.shape)


class Dropout(nn.Dropout):
    """Dropout from uniform numbers, which PyTorch draws four times as fast as Bernoulli ones."""

    def forward(self, x):
        return x * ((torch.rand_like(x) >= self.p) / (1 - self.p)) if self.training and self.p else x


class Separate(nn.ModuleList):
    """A bank of networks, one after the other: (m, B, in) -> (m, B, out)."""

    def forward(self, x):
        return torch.stack([network(row) for network, row in zip(self, x, strict=True)])


class Batched(nn.Sequential):
    """A bank of networks at once: (m, B, in) -> (m, B, out)."""

    def forward(self, x):
        return super().forward(x.mT.contiguous()).mT.contiguous()


def layers(p, activations, drop_rates=(), linear=linear, batch_norm=batch_norm, dropout=nn.Dropout):
    """Our layers dense_1, dense_2 and so on: each with dropout, batch norm if it has one, and its activation."""
    for number, (activation, drop_rate) in enumerate(zip_longest(activations, drop_rates), start=1):
        layer = p[f"dense_{number}"]
        yield linear(layer)
        if drop_rate:
            yield dropout(drop_rate)
        if "gamma" in layer:
            yield batch_norm(layer)
        yield activation


class Twin(nn.Module):
    """What both twins of ARGF share. params: groups of our parameters, or of our gradients."""

    def __init__(self, params, settings):
        super().__init__()
        self.settings = settings
        self.groups = nn.ModuleDict({group: self.build(group, p) for group, p in params.items()})

    def build(self, group, p):
        q = self.settings.drop_rate
        if group == "encoders":
            return self.bank(p, [LEAKY, LEAKY, LEAKY, TANH], [q, q, q])
        if group == "decoders":
            return self.bank(p, [LEAKY_2, LEAKY_2, TANH], [q, q])
        if group == "discriminator":
            return nn.Sequential(*layers(p, [LEAKY_2, TANH, IDENTITY]))
        if group == "classifier":
            dense = [self.dropout(q), linear(p["dense_1"]), TANH, self.dropout(q), linear(p["dense_2"]), SOFTMAX]
            return nn.ModuleDict({"norm": batch_norm(p["norm"]), "dense": nn.Sequential(*dense)})
        return nn.ModuleDict({
            "MAN": nn.Sequential(linear(p["MAN"]), SIGMOID),
            "MLP_2": nn.Sequential(*layers(p["MLP_2"], [LEAKY_2, TANH])),
            "MLP_3": nn.Sequential(*layers(p["MLP_3"], [LEAKY_2, TANH])),
            "Dec": nn.Sequential(batch_norm(p["Dec"]["norm"]), *layers(p["Dec"], [TANH, TANH, SOFTMAX])),
        })

    def forward(self, x):
        """Every named intermediate of `argf_np.model.forward` but D; a vertex is an entry of a list or a row."""
        x_e = self.groups["encoders"](x)
        graph = self.graph(x_e)
        return graph | {"x_e": x_e, "x_tilde": self.groups["decoders"](x_e), "z": self.discriminate(x_e),
                        "y_tilde": self.classify(x_e), "M": self.groups["gfn"]["Dec"](graph["Omega"])}

    def predict(self, x):
        return self.groups["gfn"]["Dec"](self.graph(self.groups["encoders"](x))["Omega"])

    def losses(self, x, y):
        """The losses of the four updates, from one forward pass."""
        out, lambda_, target = self(x), self.settings.lambda_, MODALITIES.index(self.settings.target)
        sources = [z for m, z in enumerate(out["z"]) if m != target]
        L_fal = sum(F.softplus(-z).mean() for z in sources)
        L_tal = sum(F.softplus(z).mean() for z in sources) + F.softplus(-out["z"][target]).mean()
        M_error = out["M"] - y
        if self.settings.variant == "released":
            distance, fusion = lambda error: error.abs().sum(), M_error.abs().sum()
        else:
            distance, fusion = lambda error: error.norm(dim=-1).sum() / len(y), M_error.square().mean()
        return {"embedding": lambda_ * L_fal + (1 - lambda_) * distance(out["x_tilde"] - x),
                "discriminator": 0.5 * L_tal, "classifier": distance(out["y_tilde"] - y), "fusion": fusion}

    def moved(self, update):
        """The parameters that an update moves."""
        groups = training.updates_of(self.settings)[update]
        return [p for group in groups for p in self.groups[group].parameters()]

    def init_optimisers(self):
        """As `argf_np.training.init_optimisers`."""
        return {update: torch.optim.Adam(self.moved(update), self.settings.lr, training.BETAS,
                                         weight_decay=self.settings.weight_decay, fused=self.fused)
                for update in training.updates_of(self.settings)}

    def train_batch(self, optimisers, x, y):
        """As `argf_np.training.train_batch`: all gradients from the first activations, then the steps."""
        gradients = self.gradients(self.losses(x, y))
        for update, optimiser in optimisers.items():
            for p, gradient in zip(self.moved(update), gradients[update], strict=True):
                p.grad = gradient
            optimiser.step()

    def train_epoch(self, optimisers, x, y):
        """As `argf_np.training.train_epoch`."""
        for rows in torch.randperm(len(y)).split(self.settings.batch_size):
            self.train_batch(optimisers, x[:, rows], y[rows])


class Released(Twin):
    """ARGF as the authors' code does it."""

    dropout = nn.Dropout
    fused = None

    def bank(self, p, activations, drop_rates):
        members = [map_leaves(lambda leaf, m=m: leaf[m], p) for m in range(len(MODALITIES))]
        return Separate(nn.Sequential(*layers(member, activations, drop_rates)) for member in members)

    def discriminate(self, x_e):
        return [self.groups["discriminator"](x) for x in x_e]

    def classify(self, x_e):
        classifier = self.groups["classifier"]
        return torch.stack([classifier["dense"](classifier["norm"](x)) for x in x_e])

    def graph(self, x_e):
        parts = self.groups["gfn"]
        V = dict(zip(MODALITIES, x_e, strict=True))
        V_tilde = {m: vertex.softmax(-1) for m, vertex in V.items()}
        alpha = {m: parts["MAN"](vertex) for m, vertex in V.items()}
        U = sum(alpha[m] * V[m] for m in MODALITIES) / len(MODALITIES)
        out = {"alpha_m": list(alpha.values()), "U": U}
        for number, edges in ((2, gfn.BIMODAL), (3, gfn.TRIMODAL)):
            new = {v: parts[f"MLP_{number}"](torch.cat([V[i], V[j]], -1)) for v, (i, j) in edges.items()}
            S = {v: (V_tilde[i] * V_tilde[j]).sum(-1, keepdim=True) for v, (i, j) in edges.items()}
            alpha_hat = {v: (alpha[i] + alpha[j]) / (S[v] + 0.5) for v, (i, j) in edges.items()}
            normalised = torch.cat([*alpha_hat.values()], -1).softmax(-1).split(1, -1)
            weights = dict(zip(edges, normalised, strict=True))
            weighted = {v: weights[v] * new[v] for v in edges}
            V_tilde |= {v: vertex.softmax(-1) for v, vertex in new.items()}
            if self.settings.variant == "released":
                weighted = {v: F.elu(vertex) for v, vertex in weighted.items()}
                V, alpha = V | weighted, alpha | alpha_hat
            else:
                V, alpha = V | new, alpha | weights
            values = {"V": new, "S": S, "alpha_hat": alpha_hat, "alpha": weights}
            out |= {f"{name}_{number}": [*value.values()] for name, value in values.items()}
            out["B" if number == 2 else "T"] = sum(weighted.values())
        return out | {"Omega": torch.cat([out["U"], out["B"], out["T"]], -1)}

    def gradients(self, losses):
        gradients = {}
        for update, loss in losses.items():
            self.zero_grad()
            loss.backward(retain_graph=True)
            gradients[update] = [p.grad for p in self.moved(update)]
        return gradients


class Best(Twin):
    """ARGF as fast as we could make it in PyTorch."""

    dropout = Dropout
    fused = True

    def __init__(self, params, settings):
        super().__init__(params, settings)
        self.register_buffer("bimodal", torch.tensor(gfn.BIMODAL_ROWS))
        self.register_buffer("trimodal", torch.tensor(gfn.TRIMODAL_ROWS))

    def bank(self, p, activations, drop_rates):
        return Batched(*layers(p, activations, drop_rates, BankLinear, BankNorm, Dropout))

    def discriminate(self, x_e):
        return self.groups["discriminator"](x_e)

    def classify(self, x_e):
        classifier = self.groups["classifier"]
        return classifier["dense"](torch.stack([classifier["norm"](x) for x in x_e]))

    def graph(self, x_e):
        parts, released = self.groups["gfn"], self.settings.variant == "released"
        V, V_tilde, alpha = x_e, x_e.softmax(-1), parts["MAN"](x_e)
        out = {"alpha_m": alpha, "U": (alpha * V).sum(0) / len(V)}
        for number, (first, second) in ((2, self.bimodal), (3, self.trimodal)):
            new = parts[f"MLP_{number}"](torch.cat([V.index_select(0, first), V.index_select(0, second)], -1))
            S = (V_tilde.index_select(0, first) * V_tilde.index_select(0, second)).sum(-1, keepdim=True)
            alpha_hat = (alpha.index_select(0, first) + alpha.index_select(0, second)) / (S + 0.5)
            weights = alpha_hat.softmax(0)
            weighted = F.elu(weights * new) if released else weights * new
            out |= {f"V_{number}": new, f"S_{number}": S, f"alpha_hat_{number}": alpha_hat,
                    f"alpha_{number}": weights, "B" if number == 2 else "T": weighted.sum(0)}
            if number == 2:
                V = torch.cat([V, weighted if released else new])
                V_tilde = torch.cat([V_tilde, new.softmax(-1)])
                alpha = torch.cat([alpha, alpha_hat if released else weights])
        return out | {"Omega": torch.cat([out["U"], out["B"], out["T"]], -1)}

    def gradients(self, losses):
        return {update: torch.autograd.grad(loss, self.moved(update), retain_graph=True)
                for update, loss in losses.items()}


class UCLN(nn.Module):
    """The UCLN on packed sequences: padding is never computed. The second bias that PyTorch has is fixed at 0."""

    def __init__(self, params, drop_rates=(ucln.INPUT_DROP_RATE, ucln.DROP_RATE)):
        super().__init__()
        p = params["bilstm"]
        self.bilstm = nn.LSTM(p["W"].shape[1], p["U"].shape[1], bidirectional=True)
        for direction, suffix in enumerate(("", "_reverse")):
            b = p["b"][direction, 0]
            ours = {"weight_ih": p["W"][direction].T, "weight_hh": p["U"][direction].T, "bias_ih": b}
            for name, array in ours.items():
                setattr(self.bilstm, f"{name}_l0{suffix}", parameter(array))
            setattr(self.bilstm, f"bias_hh_l0{suffix}", parameter(0 * b).requires_grad_(False))
        self.drop_input, self.drop = (Dropout(rate) for rate in drop_rates)
        self.dense, self.label = linear(params["dense"]), linear(params["label"])

    def forward(self, videos):
        """Features of a list of videos (u, d_j), as a PackedSequence."""
        packed = pack_sequence(videos, enforce_sorted=False)
        packed, _ = self.bilstm(packed._replace(data=self.drop_input(packed.data)))
        return packed._replace(data=self.dense(self.drop(packed.data)).tanh())

    def moved(self):
        """The parameters that training moves."""
        return [p for p in self.parameters() if p.requires_grad]

    def loss(self, videos, labels):
        """Mean cross-entropy of the utterances; labels are one-hot (u, N) a video."""
        logits = self.label(self.drop(self(videos).data))
        return F.cross_entropy(logits, pack_sequence(labels, enforce_sorted=False).data)


def check_argf(twin, params, x, y, settings, tolerance=1e-4):
    """Raise `MismatchError` unless the twin has our losses and our gradients, update by update, on a batch x, y.

    Without dropout, and with the same weight on both halves of the first loss, so that neither hides the other.
    """
    settings = replace(settings, drop_rate=0.0, lambda_=0.5)
    values, gradients = training.batch_gradients(params, x, y, training.updates_of(settings), settings, None)
    theirs = twin(params, settings)
    losses = theirs.losses(torch.tensor(x), torch.tensor(y))
    for update, their_gradients in theirs.gradients(losses).items():
        same(f"{update} loss", [torch.tensor(values[update])], [losses[update]], tolerance)
        same(f"{update} gradient", twin(gradients[update], settings).moved(update), their_gradients, tolerance)


def check_ucln(params, x, y, mask, tolerance=1e-4):
    """Raise `MismatchError` unless the UCLN's twin has our loss and our gradients on padded videos (V, u, d_j)."""
    def loss(p):
        return ucln.cross_entropy(ucln.class_logits(p, ucln.context_features(p, x, mask)), y, mask)

    value, gradients = value_and_grad(loss, params)
    videos, labels = ([torch.tensor(array[i, real]) for i, real in enumerate(mask)] for array in (x, y))
    theirs = UCLN(params).eval()
    their_loss = theirs.loss(videos, labels)
    same("UCLN loss", [torch.tensor(value)], [their_loss], tolerance)
    their_gradients = torch.autograd.grad(their_loss, theirs.moved())
    same("UCLN gradient", UCLN(gradients).moved(), their_gradients, tolerance)


class MismatchError(Exception):
    """Ours and PyTorch's do not compute the same thing, so there is nothing to compare."""


def same(what, ours, theirs, tolerance):
    """Raise `MismatchError` where two lists of tensors differ.

    An entry may differ by tolerance times the largest of its own tensor, or times a tenth of the largest of all: a bias
    before batch norm has a gradient that is 0 but for rounding.
    """
    largest = max(float(b.detach().abs().max()) for b in theirs)
    for a, b in zip(ours, theirs, strict=True):
        error, size = float((a - b).detach().abs().max()), float(b.detach().abs().max())
        if not 0 < largest or not error <= tolerance * max(size, 0.1 * largest):
            raise MismatchError(f"{what}: differs from PyTorch's by {error:.2g}, where the largest entry is {size:.2g}")
