"""What the tests share: sizes, plain layers, a gradient check that checks itself.

The plain layers are written from the papers, one number at a time, for one network and lists of
floats. They use nothing of `argf_np`.
"""

import csv
import json
import math

import numpy as np
import pytest

from argf_np import nn

# Utterances per batch, widths of features and embedding, classes. With the 3 modalities and the
# sizes of Figure 3 (10d, 10k, 2k, 3k, 16, 50, 64, 512) all dimensions differ, so that every wrong
# transposition is seen.
B, d, k, N = 5, 2, 4, 7


def shaken(params, rng):
    """The parameters with every leaf moved a little, so that no bias is 0 and no scale is 1."""
    return nn.map_leaves(lambda leaf: leaf + 0.1 * rng.standard_normal(leaf.shape), params)


def weigh(y):
    """A scalar in which every entry of y counts differently: the sum of y times fixed numbers."""
    return (y * np.random.default_rng(9).standard_normal(y.shape)).sum()


def assert_gradient(function, params, rng, step=1e-5):
    """The gradient passes `nn.check_gradient`; with any one leaf 0.1 % off it does not.

    The step is small, so that no kink of a leaky ReLU lies between the points of the difference.
    """
    _, gradient = nn.value_and_grad(function, params)
    nn.check_gradient(function, params, rng, gradient, step=step)
    for path, _ in nn.leaves(gradient):
        wrong = []
        for other, g in nn.leaves(gradient):
            wrong.append((other, 1.001 * g if other == path else g))
        with pytest.raises(AssertionError, match=f"{'/'.join(path)}: gradient"):
            nn.check_gradient(function, params, rng, nn.build(wrong), step=step)


def assert_close(ours, expected, atol=1e-12):
    """Two arrays have one shape, and their entries differ by at most ``atol``."""
    expected = np.asarray(expected)
    assert np.shape(ours) == expected.shape
    np.testing.assert_allclose(ours, expected, rtol=0, atol=atol)


def assert_trees_close(ours, expected, *, atol, rtol=0):
    """Two trees have the same paths in the same order, and close leaves."""
    pairs = zip(nn.leaves(ours), nn.leaves(expected), strict=True)
    for (path, leaf), (expected_path, expected_leaf) in pairs:
        assert path == expected_path
        assert leaf.shape == expected_leaf.shape, path
        np.testing.assert_allclose(leaf, expected_leaf, rtol, atol, err_msg="/".join(path))


def assert_alone_in_evaluation(apply, params, x):
    """In evaluation, an utterance does not depend on the others of its batch.

    The statistics are those of this very batch x (m, B, ...), so the results are those of training.
    """
    evaluated = nn.batch_norm_statistics(params, lambda p, rows: apply(p, x[:, rows]), [range(B)])
    alone = [apply(evaluated, x[:, [b]]) for b in range(B)]
    assert_close(np.concatenate(alone, axis=1), apply(evaluated, x))
    assert_close(np.concatenate(alone, axis=1), apply(params, x))


def assert_one_network_each(apply, params, x):
    """Changing the last modality of x (3, B, ...) changes its output and nothing else.

    Equal inputs give different outputs.
    """
    before = apply(params, x)
    after = apply(params, np.concatenate([x[:2], x[2:] ** 2]))
    assert np.array_equal(before[:2], after[:2])
    assert not np.allclose(before[2], after[2])
    same = apply(params, np.stack([x[0]] * 3))
    assert not np.allclose(same[0], same[1])
    assert not np.allclose(same[1], same[2])


def assert_padding_does_not_matter(layer, params, x, mask, rng):
    """What stands in the padding matters neither to the outputs nor to any gradient of a layer.

    Padding gets no gradient. Arguments: layer(params, x, mask), x (V, T, d), mask (V, T).
    """
    V, T, d = x.shape
    g = rng.standard_normal(layer(params, x, mask).shape)

    def compute(x, mask, g):
        tree = {"layer": params, "x": x}
        value, pull = nn.vjp(lambda p: layer(p["layer"], p["x"], mask), tree)
        gradient = pull(g)
        return value[mask], gradient["x"][mask], gradient["x"][~mask], gradient["layer"]

    y, dx, dx_padding, gradient = compute(x, mask, g)
    assert (dx_padding == 0).all()
    garbage = np.where(mask[:, :, None], x, 10 * rng.standard_normal(x.shape))
    longer = np.concatenate([garbage, rng.standard_normal((V, 2, d))], axis=1)
    for inputs in (garbage, longer):
        padding = inputs.shape[1] - T
        padded_mask = np.pad(mask, ((0, 0), (0, padding)))
        g_padded = np.pad(g, ((0, 0), (0, padding), (0, 0)), constant_values=7.0)
        y_2, dx_2, dx_padding, gradient_2 = compute(inputs, padded_mask, g_padded)
        np.testing.assert_array_equal(y_2, y)
        np.testing.assert_allclose(dx_2, dx, rtol=0, atol=1e-13)
        assert (dx_padding == 0).all()
        assert_trees_close(gradient_2, gradient, atol=1e-12)


def labelled_features(rng, n, d, N):
    """Features (3, n, d) in which every modality tells the label, with noise; labels (n, N)."""
    labels = rng.integers(N, size=n)
    centres = rng.standard_normal((3, N, d))
    return rng.standard_normal((3, n, d)) + centres[:, labels], np.eye(N)[labels]


def read_csv(path):
    """The lines of a table as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def files_in(folder):
    """The content of every file in a folder: ``{path within the folder: bytes}``."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


def bits(tree):
    """Every leaf as it is now: ``{path: bytes}``."""
    return {path: leaf.tobytes() for path, leaf in nn.leaves(tree)}


def here(function, *arguments):
    """`experiments.isolated.call` without a process of its own, which takes a second to start."""
    return function(*arguments)


def refused(capsys, command, *arguments):
    """What a command says of arguments that it refuses, which is one line and code 2."""
    try:
        code = command.main([*map(str, arguments)])
    except SystemExit as end:  # of argparse
        code = end.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.removeprefix("error: ").rstrip()


def with_each_implementation(compute):
    """``(compute(), compute())``, once with the readable and once with the fast operations."""
    previous = nn.use("readable")
    try:
        readable = compute()
        nn.use("fast")
        return readable, compute()
    finally:
        nn.use(previous)


def member(bank, m):
    """The network of modality m out of a bank."""
    return nn.map_leaves(lambda leaf: leaf[m], bank)


def dropout_masks(seed, drop_rate, *shapes):
    """The masks that inverted dropout draws, one after the other, from a generator of this seed.

    A unit is kept where a uniform number of type float32 is at least the drop rate.
    """
    rng = np.random.default_rng(seed)
    masks = []
    for shape in shapes:
        kept = rng.random(shape, dtype=np.float32) >= drop_rate
        masks.append(kept / (1 - drop_rate))
    return masks


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def hard_sigmoid(z):
    return min(max(0.2 * z + 0.5, 0.0), 1.0)


def lstm(W, U, b, sequence):
    """Outputs h_1, h_2, ... over a list of vectors. Columns of the lists W, U, b: i, f, g, o."""
    H = len(U)
    h, c, outputs = [0.0] * H, [0.0] * H, []
    for x in sequence:
        z = []
        for column in range(4 * H):
            total = b[0][column]
            total += sum(x[row] * W[row][column] for row in range(len(x)))
            z.append(total + sum(h[row] * U[row][column] for row in range(H)))
        h, c = [*h], [*c]
        for u in range(H):
            i, f, o = sigmoid(z[u]), sigmoid(z[H + u]), sigmoid(z[3 * H + u])
            c[u] = f * c[u] + i * math.tanh(z[2 * H + u])
            h[u] = o * math.tanh(c[u])
        outputs.append(h)
    return outputs


def gru(p, sequence):
    """Outputs h_1, h_2, ... over a list of vectors. The columns of W, U, b are z, r, g."""
    W, U, b = (p[name].tolist() for name in "WUb")
    H = len(U)

    def affine(x, h, column):
        total = b[0][column]
        total += sum(x[row] * W[row][column] for row in range(len(x)))
        return total + sum(h[row] * U[row][column] for row in range(H))

    h, outputs = [0.0] * H, []
    for x in sequence:
        z = [hard_sigmoid(affine(x, h, u)) for u in range(H)]
        reset = [hard_sigmoid(affine(x, h, H + u)) * h[u] for u in range(H)]
        g = [math.tanh(affine(x, reset, 2 * H + u)) for u in range(H)]
        h = [z[u] * h[u] + (1 - z[u]) * g[u] for u in range(H)]
        outputs.append(h)
    return outputs


def torch_gru(p, x):
    """The same in operations of PyTorch: tensors p and x (V, T, d) -> T times (V, H).

    `torch.nn.GRU` is another one: it resets the product, and its sigmoid is smooth.
    """
    W, U, b = (p[name].chunk(3, dim=1) for name in "WUb")
    h, outputs = x.new_zeros(len(x), len(p["U"])), []
    for x_t in x.unbind(dim=1):
        z, r = ((0.2 * (x_t @ W[i] + h @ U[i] + b[i]) + 0.5).clamp(0, 1) for i in (0, 1))
        g = (x_t @ W[2] + (r * h) @ U[2] + b[2]).tanh()
        h = z * h + (1 - z) * g
        outputs.append(h)
    return outputs


def leaky_relu(z, slope):
    return z if z > 0 else slope * z


def softmax(z):
    powers = [math.exp(z_i) for z_i in z]
    return [power / sum(powers) for power in powers]


def dense(p, x):
    """x W + b, for one vector x."""
    W, b = p["W"].tolist(), p["b"].ravel().tolist()
    y = []
    for j in range(len(b)):
        y.append(sum(x[i] * W[i][j] for i in range(len(x))) + b[j])
    return y


def batch_norm(p, batch):
    """Every column of a batch: minus its mean, over sqrt(variance + 1e-5), scaled and shifted."""
    gamma, beta = p["gamma"].ravel().tolist(), p["beta"].ravel().tolist()
    columns = []
    for j in range(len(gamma)):
        column = [row[j] for row in batch]
        mean = sum(column) / len(column)
        variance = sum((value - mean) ** 2 for value in column) / len(column)
        deviation = math.sqrt(variance + 1e-5)
        columns.append([gamma[j] * (value - mean) / deviation + beta[j] for value in column])
    return [list(row) for row in zip(*columns, strict=True)]


def times(mask, batch):
    """Every number of a batch times the number of the mask in its place."""
    product = []
    for factors, row in zip(mask.tolist(), batch, strict=True):
        product.append([a * b for a, b in zip(factors, row, strict=True)])
    return product
