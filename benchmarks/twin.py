"""The same networks in PyTorch with the same weights: what the package is compared with.

ARGF has two twins with one interface. `Released` works as the authors' code does: one network per
modality, one vertex of the graph at a time, four backward passes through the whole graph, and
PyTorch's default Adam. `Best` is the fastest version that we could write: the three modalities in
one batched product, only the gradients that a step needs, and fused Adam.

A twin is built from a tree of our parameters. Built from a tree of our gradients, it holds these
gradients in its own layout. `check_argf` and `check_loss` use this to compare the two.
"""

from dataclasses import replace
from itertools import zip_longest

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from argf_np.nn import map_leaves, value_and_grad
from argf_np.paper import updates
from argf_np.paper.vertices import BIMODAL, TRIMODAL, UNIMODAL, source_indices

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
    """One of our batch norms, with its statistics for evaluation if it has them."""
    layer = nn.BatchNorm1d(p["gamma"].shape[1], track_running_stats="mean" in p)
    layer.weight, layer.bias = parameter(p["gamma"][0]), parameter(p["beta"][0])
    if "mean" in p:
        layer.running_mean = torch.tensor(p["mean"][0])
        layer.running_var = torch.tensor(p["var"][0])
    return layer


class BankLinear(nn.Module):
    """A bank of dense layers as one batched product, features first: (m, in, B) -> (m, out, B)."""

    def __init__(self, p):
        super().__init__()
        self.weight = parameter(p["W"].swapaxes(1, 2))
        self.bias = parameter(p["b"].swapaxes(1, 2))

    def forward(self, x):
        return torch.baddbmm(self.bias, self.weight, x)


class BankNorm(nn.Module):
    """A bank of batch norms as one: with features first, m banks of n units are m n units."""

    def __init__(self, p):
        super().__init__()
        names = p.keys() - {"W", "b"}
        self.norm = batch_norm({name: p[name].reshape(1, -1) for name in names})

    def forward(self, x):
        return self.norm(x.view(1, -1, x.shape[2])).view(x.shape)


class Dropout(nn.Dropout):
    """Dropout from uniform numbers, which PyTorch draws four times as fast as Bernoulli numbers."""

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = torch.rand_like(x) >= self.p
        return x * (kept / (1 - self.p))


class Separate(nn.ModuleList):
    """A bank of networks, one after the other: (m, B, in) -> (m, B, out)."""

    def forward(self, x):
        return torch.stack([network(row) for network, row in zip(self, x, strict=True)])


class Batched(nn.Sequential):
    """A bank of networks at once: (m, B, in) -> (m, B, out)."""

    def forward(self, x):
        return super().forward(x.mT.contiguous()).mT.contiguous()


def layers(p, activations, drop_rates=(), linear=linear, batch_norm=batch_norm, dropout=nn.Dropout):
    """Our layers dense_1, dense_2, ..., each with its dropout, batch norm and activation."""
    pairs = zip_longest(activations, drop_rates)
    for number, (activation, drop_rate) in enumerate(pairs, start=1):
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
        if group == "encoders":
            q = self.settings.drop_rate
            return self.bank(p, [LEAKY, LEAKY, LEAKY, TANH], [q, q, q])
        q = updates.inner_drop_rate(self.settings)
        if group == "decoders":
            return self.bank(p, [LEAKY_2, LEAKY_2, TANH], [q, q])
        if group == "discriminator":
            return nn.Sequential(*layers(p, [LEAKY_2, TANH, IDENTITY]))
        if group == "classifier":
            dense = nn.Sequential(
                self.dropout(q), linear(p["dense_1"]), TANH,
                self.dropout(q), linear(p["dense_2"]), SOFTMAX)
            return nn.ModuleDict({"norm": batch_norm(p["norm"]), "dense": dense})
        dec = layers(p["Dec"], [TANH, TANH, SOFTMAX])
        return nn.ModuleDict({
            "MAN": nn.Sequential(linear(p["MAN"]), SIGMOID),
            "MLP_2": nn.Sequential(*layers(p["MLP_2"], [LEAKY_2, TANH])),
            "MLP_3": nn.Sequential(*layers(p["MLP_3"], [LEAKY_2, TANH])),
            "Dec": nn.Sequential(batch_norm(p["Dec"]["norm"]), *dec),
        })

    def forward(self, x):
        """Every named intermediate of `argf_np.paper.model.forward` except D.

        The vertices of a layer are a list or the rows of one tensor.
        """
        x_e = self.groups["encoders"](x)
        out = self.graph(x_e)
        out["x_e"] = x_e
        out["x_tilde"] = self.groups["decoders"](x_e)
        out["z"] = self.discriminate(x_e)
        out["y_tilde"] = self.classify(x_e)
        out["M"] = self.groups["fusion"]["Dec"](out["Omega"])
        return out

    def predict(self, x):
        """Class probabilities."""
        graph = self.graph(self.groups["encoders"](x))
        return self.groups["fusion"]["Dec"](graph["Omega"])

    def losses(self, x, y):
        """The losses of the four updates, from one forward pass."""
        out, lambda_, target = self(x), self.settings.lambda_, self.settings.target_row
        sources = [z for m, z in enumerate(out["z"]) if m != target]
        L_fal = sum(F.softplus(-z).mean() for z in sources)
        L_tal = sum(F.softplus(z).mean() for z in sources) + F.softplus(-out["z"][target]).mean()
        M_error, x_error, y_error = out["M"] - y, out["x_tilde"] - x, out["y_tilde"] - y
        if self.settings.variant == "released":
            L_rl, L_cl, fusion = x_error.abs().sum(), y_error.abs().sum(), M_error.abs().sum()
        else:
            L_rl = x_error.norm(dim=-1).sum() / len(y)
            L_cl = y_error.norm(dim=-1).sum() / len(y)
            fusion = M_error.square().mean()
        embedding = lambda_ * L_fal + (1 - lambda_) * L_rl
        return {"embedding": embedding, "discriminator": 0.5 * L_tal, "classifier": L_cl,
                "fusion": fusion}

    def changed(self, update):
        """The parameters that an update changes."""
        groups = updates.updates_of(self.settings)[update]
        return [p for group in groups for p in self.groups[group].parameters()]

    def init_optimisers(self):
        """As `argf_np.paper.updates.init_optimisers`."""
        optimisers = {}
        for update in updates.updates_of(self.settings):
            optimisers[update] = torch.optim.Adam(
                self.changed(update), self.settings.lr, updates.BETAS,
                weight_decay=updates.weight_decay(self.settings), fused=self.fused)
        return optimisers

    def train_batch(self, optimisers, x, y):
        """As `argf_np.paper.updates.train_batch`: first all gradients, then all steps."""
        gradients = self.gradients(self.losses(x, y))
        for update, optimiser in optimisers.items():
            for p, gradient in zip(self.changed(update), gradients[update], strict=True):
                p.grad = gradient
            optimiser.step()

    def train_epoch(self, optimisers, x, y):
        """As `argf_np.paper.protocols.train_epoch`."""
        for rows in torch.randperm(len(y)).split(self.settings.batch_size):
            self.train_batch(optimisers, x[:, rows], y[rows])


class Released(Twin):
    """ARGF as the authors' code does it."""

    dropout = nn.Dropout
    fused = None

    def bank(self, p, activations, drop_rates):
        networks = []
        for m in range(len(UNIMODAL)):
            member = map_leaves(lambda leaf, m=m: leaf[m], p)
            networks.append(nn.Sequential(*layers(member, activations, drop_rates)))
        return Separate(networks)

    def discriminate(self, x_e):
        return [self.groups["discriminator"](x) for x in x_e]

    def classify(self, x_e):
        classifier = self.groups["classifier"]
        return torch.stack([classifier["dense"](classifier["norm"](x)) for x in x_e])

    def graph(self, x_e):
        parts = self.groups["fusion"]
        V = dict(zip(UNIMODAL, x_e, strict=True))
        V_tilde = {m: vertex.softmax(-1) for m, vertex in V.items()}
        alpha = {m: parts["MAN"](vertex) for m, vertex in V.items()}
        U = sum(alpha[m] * V[m] for m in UNIMODAL) / len(UNIMODAL)
        out = {"alpha_m": list(alpha.values()), "U": U}
        for number, sources in ((2, BIMODAL), (3, TRIMODAL)):
            new, S, alpha_hat = {}, {}, {}
            for v, (i, j) in sources.items():
                new[v] = parts[f"MLP_{number}"](torch.cat([V[i], V[j]], -1))
                S[v] = (V_tilde[i] * V_tilde[j]).sum(-1, keepdim=True)
                alpha_hat[v] = (alpha[i] + alpha[j]) / (S[v] + 0.5)
            normalised = torch.cat([*alpha_hat.values()], -1).softmax(-1).split(1, -1)
            weights = dict(zip(sources, normalised, strict=True))
            weighted = {v: weights[v] * new[v] for v in sources}
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
            gradients[update] = [p.grad for p in self.changed(update)]
        return gradients


class Best(Twin):
    """ARGF as fast as we could make it in PyTorch."""

    dropout = Dropout
    fused = True

    def __init__(self, params, settings):
        super().__init__(params, settings)
        bimodal, trimodal = source_indices(len(UNIMODAL))
        self.register_buffer("bimodal", torch.tensor(bimodal))
        self.register_buffer("trimodal", torch.tensor(trimodal))

    def bank(self, p, activations, drop_rates):
        return Batched(*layers(p, activations, drop_rates, BankLinear, BankNorm, Dropout))

    def discriminate(self, x_e):
        return self.groups["discriminator"](x_e)

    def classify(self, x_e):
        classifier = self.groups["classifier"]
        return classifier["dense"](torch.stack([classifier["norm"](x) for x in x_e]))

    def graph(self, x_e):
        parts, released = self.groups["fusion"], self.settings.variant == "released"
        V, V_tilde, alpha = x_e, x_e.softmax(-1), parts["MAN"](x_e)
        out = {"alpha_m": alpha, "U": (alpha * V).sum(0) / len(V)}
        for number, (first, second) in ((2, self.bimodal), (3, self.trimodal)):
            pairs = torch.cat([V.index_select(0, first), V.index_select(0, second)], -1)
            new = parts[f"MLP_{number}"](pairs)
            products = V_tilde.index_select(0, first) * V_tilde.index_select(0, second)
            S = products.sum(-1, keepdim=True)
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
        gradients = {}
        for update, loss in losses.items():
            gradients[update] = torch.autograd.grad(loss, self.changed(update), retain_graph=True)
        return gradients


class UCLN(nn.Module):
    """The UCLN on packed sequences, so that padding is never computed.

    PyTorch's LSTM has a second bias, which is fixed at 0.
    """

    def __init__(self, params, settings):
        super().__init__()
        p = params["bilstm"]
        self.bilstm = nn.LSTM(p["W"].shape[1], p["U"].shape[1], bidirectional=True)
        for direction, suffix in enumerate(("", "_reverse")):
            b = p["b"][direction, 0]
            W, U = p["W"][direction].T, p["U"][direction].T
            for name, array in (("weight_ih", W), ("weight_hh", U), ("bias_ih", b)):
                setattr(self.bilstm, f"{name}_l0{suffix}", parameter(array))
            setattr(self.bilstm, f"bias_hh_l0{suffix}", parameter(0 * b).requires_grad_(False))
        self.drop_input = Dropout(settings.ucln_input_drop_rate)
        self.drop = Dropout(settings.ucln_drop_rate)
        self.dense, self.label = linear(params["dense"]), linear(params["label"])

    def forward(self, videos):
        """Features of a list of videos (u, d_j), as a PackedSequence."""
        packed = pack_sequence(videos, enforce_sorted=False)
        packed, _ = self.bilstm(packed._replace(data=self.drop_input(packed.data)))
        return packed._replace(data=self.dense(self.drop(packed.data)).tanh())

    def loss(self, videos, labels):
        """Mean cross-entropy of the utterances; labels are one-hot, (u, N) per video."""
        logits = self.label(self.drop(self(videos).data))
        return F.cross_entropy(logits, pack_sequence(labels, enforce_sorted=False).data)


def check_argf(kind, params, x, y, settings, tolerance=1e-4):
    """Raise `MismatchError` unless a twin has our losses and gradients, update by update.

    Nothing is dropped, and both parts of the first loss have the same weight, so that neither
    hides the other.

    - kind: `Released` or `Best`.
    - x (3, B, d), y (B, N): a batch.
    """
    settings = replace(settings, drop_rate=0.0, lambda_=0.5)
    ours = updates.updates_of(settings)
    values, gradients = updates.batch_gradients(params, x, y, ours, settings, None)
    theirs = kind(params, settings).eval()
    losses = theirs.losses(torch.tensor(x), torch.tensor(y))
    for update, their_gradients in theirs.gradients(losses).items():
        same(f"{update} loss", [torch.tensor(values[update])], [losses[update]], tolerance)
        our_gradients = kind(gradients[update], settings).changed(update)
        same(f"{update} gradient", our_gradients, their_gradients, tolerance)


def check_loss(name, loss, params, twin_of, their_loss, tolerance=1e-4):
    """Raise `MismatchError` unless the twin has our loss and gradients, without dropout.

    - loss: ``loss(params)`` is ours.
    - twin_of: makes the twin from a tree of parameters, or of gradients.
    - their_loss: ``their_loss(network)`` is the twin's.
    """
    value, gradients = value_and_grad(loss, params)
    network = twin_of(params).eval()
    their_value = their_loss(network)
    same(f"{name} loss", [torch.tensor(value)], [their_value], tolerance)
    their_gradients = torch.autograd.grad(their_value, trained(network))
    same(f"{name} gradient", trained(twin_of(gradients)), their_gradients, tolerance)


def trained(network):
    """The parameters that training changes."""
    return [p for p in network.parameters() if p.requires_grad]


class MismatchError(Exception):
    """Ours and PyTorch's do not compute the same, so a comparison of times means nothing."""


def same(what, ours, theirs, tolerance):
    """Raise `MismatchError` where two lists of tensors differ.

    An entry may differ by tolerance times the largest entry of its own tensor, or times a tenth of
    the largest of all: the gradient of a bias before batch norm is 0 except for rounding.
    """
    largest = max(float(b.detach().abs().max()) for b in theirs)
    for a, b in zip(ours, theirs, strict=True):
        error, size = float((a - b).detach().abs().max()), float(b.detach().abs().max())
        allowed = tolerance * max(size, 0.1 * largest)
        if not 0 < largest or not error <= allowed:
            raise MismatchError(f"{what}: differs from PyTorch's by {error:.2g}, "
                                f"where the largest entry is {size:.2g}")
