"""ARGF on one page: "adversarial representation graph fusion" in NumPy, in the paper's order.

Mai, Hu and Xing, "Modality to Modality Translation", AAAI 2020. People review films on video. Is an
utterance, about one sentence, positive or negative? It has three modalities: a (acoustic, the
voice), l (language, the words) and v (visual, the face). A preparation, 0, precedes the two stages:

0. Context. For each modality m, a unimodal context learning network (UCLN) reads the utterances
   of a video in both directions. It describes each utterance by a vector x_m of d numbers.
1. Joint embedding. One encoder per modality maps x_m to a vector x_m^e of k numbers. To bring them
   all into one space, a discriminator learns to tell language from the others, and the encoders of
   a and v learn to fool it. Decoders restore x_m from x_m^e, and a classifier predicts the class.
2. Graph fusion. The three x_m^e are fused in pairs, and the pairs are fused again. The result is
   the decision M: a probability for each of the N classes.

In comments, (3, 16, d) is the shape of an array: modalities a, l, v; a batch of 16 utterances; d
numbers. D1, D2, ... are rows of DEVIATIONS.md: choices that the paper left open. D alone is the
discriminator. On synthetic data it takes four minutes on one core and gets 80.5% of the test right.
"""

import autograd.numpy as np  # NumPy, with functions that autograd can differentiate
from autograd import grad

from argf_np import data

d, k, N = 50, 50, 2  # width of x_m, width of x_m^e, number of classes
LAMBDA = 0.001  # of Eq. 9: how much fooling the discriminator counts
BATCH_SIZE, EPOCHS, UCLN_EPOCHS = 16, 20, 5  # an epoch is one pass over the training set
LEARNING_RATE, WEIGHT_DECAY = 0.001, 0.005 / BATCH_SIZE  # D13, D20

# ---- The networks: Figure 3, and those of Eq. 10, 11 and 16 --------------------------------------
def leaky(slope):
    return lambda x: np.where(x > 0, x, slope * x)  # the activation "leaky ReLU"

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)

# A network is the width of its input and a list of steps. A whole number is a dense layer with that
# many outputs, and 0.5 is dropout at this rate. A 3 at the end means one network per modality.
HIDDEN = [0.5, "batch norm", leaky(0.01)]
NETWORKS = {
    "encoders": (d, [10 * d, *HIDDEN, 10 * k, *HIDDEN, k, *HIDDEN, k, np.tanh], 3),
    "decoders": (k, [512, 0.5, leaky(0.2), 64, 0.5, "batch norm", leaky(0.2), d, np.tanh], 3),
    "discriminator": (k, [64, leaky(0.2), 16, np.tanh, 1]),
    "classifier": (k, ["batch norm", 0.5, k, np.tanh, 0.5, N, softmax]),
    "MAN": (k, [1, sigmoid]),  # Modality Attention Network
    "MLP_2": (2 * k, [64, leaky(0.2), k, np.tanh]),  # for layer 2 of the graph
    "MLP_3": (2 * k, [64, leaky(0.2), k, np.tanh]),  # for layer 3
    "Dec": (3 * k, ["batch norm", 50, np.tanh, 50, np.tanh, N, softmax]),  # the decision
}

def init_theta(rng):
    """All parameters: theta["MAN", "W", 0] is the matrix of the dense layer in step 0 of MAN."""
    theta = {}
    for name, (width, steps, *copies) in NETWORKS.items():
        for i, step in enumerate(steps):
            if isinstance(step, int):
                theta[name, "W", i] = glorot(rng, *copies, width, step)  # of one network or of 3
                theta[name, "b", i] = np.zeros((*copies, 1, step))
                width = step
            elif step == "batch norm":
                theta[name, "gamma", i] = np.ones((*copies, 1, width))
                theta[name, "beta", i] = np.zeros((*copies, 1, width))
    return theta

def glorot(rng, *shape):
    """Random weights (..., inputs, outputs), by Glorot and Bengio (2010), D19."""
    limit = np.sqrt(6 / (shape[-2] + shape[-1]))
    return rng.uniform(-limit, limit, shape)

def run(theta, name, x, rng=None, n=None):
    """The output of a network for x (..., 16, width). rng is for dropout, n for batch norm."""
    for i, step in enumerate(NETWORKS[name][1]):
        if isinstance(step, int):
            x = x @ theta[name, "W", i] + theta[name, "b", i]
        elif isinstance(step, float):
            x = dropout(x, step, rng)
        elif step == "batch norm":  # mean 0, variance 1 over the first n utterances or over all
            first = x[..., :n, :]
            mean, variance = np.mean(first, -2, keepdims=True), np.var(first, -2, keepdims=True)
            x = (x - mean) / np.sqrt(variance + 1e-5)
            x = theta[name, "gamma", i] * x + theta[name, "beta", i]
        else:
            x = step(x)
    return x

def dropout(x, rate, rng):
    """Training: a random share of the numbers becomes 0, the rest grows. Testing: rng is None."""
    return x if rng is None else x * (rng.random(x.shape) >= rate) / (1 - rate)

# ---- Joint Embedding Space Learning: Eq. 1 to 9 --------------------------------------------------
def losses(theta, x, y, rng):
    """The four losses of a batch: x (3, 16, d), y (16, N) with 1 for the true class, else 0."""
    x_e = run(theta, "encoders", x, rng)  # Eq. 1, (3, 16, k)
    # D = sigmoid(z): how likely it is language. np.logaddexp(0, z) is log(1 + e^z) = -log(1 - D)
    z_a, z_l, z_v = run(theta, "discriminator", x_e)  # (16, 1) each
    L_fal = np.mean(np.logaddexp(0, -z_a) + np.logaddexp(0, -z_v))  # Eq. 3, w = 1 (D1)
    L_tal = np.mean(np.logaddexp(0, z_a) + np.logaddexp(0, z_v) + np.logaddexp(0, -z_l))  # Eq. 4
    x_tilde = run(theta, "decoders", x_e, rng)  # Eq. 5, (3, 16, d)
    L_rl = np.mean(np.sum(np.linalg.norm(x_tilde - x, axis=-1), axis=0))  # Eq. 6, D2
    y_tilde = run(theta, "classifier", x_e, rng)  # Eq. 7, (3, 16, N), D4
    L_cl = np.mean(np.sum(np.linalg.norm(y_tilde - y, axis=-1), axis=0))  # Eq. 8
    M = decide(theta, x_e)  # Eq. 10 to 16, (16, N)
    return {  # Eq. 9 is the sum of the first three, and L_fal + L_tal is Eq. 2
        "embedding": LAMBDA * L_fal + (1 - LAMBDA) * L_rl,  # fool the discriminator, and restore x
        "discriminator": 0.5 * L_tal,  # tell language from the others
        "classifier": L_cl,  # predict the class from each modality
        "fusion": np.mean((M - y) ** 2),  # predict it from all of them
    }

# ---- Graph Fusion Network: Eq. 10 to 16 ----------------------------------------------------------
VERTICES = ["a", "l", "v", "av", "al", "vl"]  # of layers 1 and 2 of the graph
LAYER_2 = [("a", "v"), ("a", "l"), ("v", "l")]  # fused vertices, D22; the list's order is free
LAYER_3 = [("av", "vl"), ("av", "al"), ("vl", "al"), ("av", "l"), ("al", "v"), ("vl", "a")]

def decide(theta, x_e, n=None):
    """From the vectors x^e (3, 16, k) to the decision M (16, N)."""
    alpha = run(theta, "MAN", x_e)  # Eq. 10, (3, 16, 1): how much each modality counts
    U = np.sum(alpha * x_e, axis=0) / 3  # Eq. 10, (16, k): unimodal
    V_2, alpha_2, B = fuse(theta, "MLP_2", LAYER_2, x_e, alpha)  # B (16, k): bimodal
    V, alpha = np.concatenate([x_e, V_2]), np.concatenate([alpha, alpha_2])  # of all six VERTICES
    _, _, T = fuse(theta, "MLP_3", LAYER_3, V, alpha)  # T (16, k): trimodal
    Omega = np.concatenate([U, B, T], axis=-1)  # (16, 3k)
    return run(theta, "Dec", Omega, n=n)  # Eq. 16

def fuse(theta, MLP, pairs, V, alpha):
    """One layer of the graph: pairs of vertices V with weights alpha become 3 or 6 new vertices."""
    first = [VERTICES.index(m1) for m1, m2 in pairs]
    second = [VERTICES.index(m2) for m1, m2 in pairs]
    V_1, V_2 = V[first], V[second]  # (3, 16, k) or (6, 16, k)
    V_12 = run(theta, MLP, np.concatenate([V_1, V_2], axis=-1))  # Eq. 11
    S = np.sum(softmax(V_1) * softmax(V_2), axis=-1, keepdims=True)  # Eq. 12: how similar they are
    alpha_hat = (alpha[first] + alpha[second]) / (S + 0.5)  # Eq. 13
    alpha_12 = softmax(alpha_hat, axis=0)  # Eq. 14: the weights of the new vertices, with sum 1
    return V_12, alpha_12, np.sum(alpha_12 * V_12, axis=0)  # Eq. 15

# ---- Training: Eq. 9 and "Experimental details" --------------------------------------------------
UPDATES = {  # each loss changes these networks, in this order (D6, D7)
    "embedding": ["encoders", "decoders"],
    "discriminator": ["discriminator"],
    "classifier": ["encoders", "classifier"],
    "fusion": ["encoders", "MAN", "MLP_2", "MLP_3", "Dec"],
}

def gradient(update, theta, x, y, seed):
    """The gradient of one loss with respect to the parameters that it changes."""
    rng = np.random.default_rng(seed)  # one seed for all four, so that they see the same dropout
    changed = {key: theta[key] for key in theta if key[0] in UPDATES[update]}
    return grad(lambda changed: losses({**theta, **changed}, x, y, rng)[update])(changed)

def train_batch(theta, states, x, y, seed):
    """The four updates of a batch. All gradients are computed before the first of them (D6)."""
    gradients = {update: gradient(update, theta, x, y, seed) for update in UPDATES}
    for update in UPDATES:
        adam(theta, gradients[update], states[update])

def adam(theta, gradient, state):
    """One step of Adam (Kingma and Ba 2015; D13). mean and square: running means of g and g^2."""
    state["t"] = t = state.get("t", 0) + 1
    for key in gradient:
        mean, square = state.get(key, (0, 0))
        g = gradient[key] + WEIGHT_DECAY * theta[key]
        mean = 0.5 * mean + 0.5 * g
        square = 0.999 * square + 0.001 * g**2
        state[key] = mean, square
        root = np.sqrt(square / (1 - 0.999**t)) + 1e-8
        theta[key] = theta[key] - LEARNING_RATE * mean / (1 - 0.5**t) / root

def train(x, y, rng):
    """Train on x (3, n, d) and y (n, N). Returns the average of theta over the epochs (D14)."""
    theta = init_theta(rng)
    average = {key: 0 * theta[key] for key in theta}
    states = {update: {} for update in UPDATES}  # every update has an Adam of its own
    for epoch in range(1, EPOCHS + 1):
        for batch in batches(rng, len(y), BATCH_SIZE):
            train_batch(theta, states, x[:, batch], y[batch], seed=rng.integers(2**32))
        for key in theta:  # every epoch weighs 0.8 of the next
            average[key] += (1 - 0.8) / (1 - 0.8**epoch) * (theta[key] - average[key])
        values = losses(theta, x, y, rng=None)
        print(f"epoch {epoch:2}", *[f"{name} {values[name]:.3f}" for name in values], sep="  ")
    return average

def batches(rng, items, size):
    order = rng.permutation(items)
    return [order[i:i + size] for i in range(0, len(order), size)]

# ---- The UCLN: "Experimental details" ------------------------------------------------------------
def ucln(p, features, lengths, rng=None):
    """From features (n, d_m) of the n utterances of some videos to x_m (n, d). p: parameters."""
    video = np.repeat(np.arange(len(lengths)), lengths)  # (n,): the video of each utterance
    before = np.concatenate([np.arange(length) for length in lengths])  # how many come before it
    after = lengths[video] - 1 - before  # how many come after it
    F = np.zeros((max(lengths), 2, len(lengths), features.shape[1]))  # 0 behind a video's end
    F[before, 0, video] = F[after, 1, video] = dropout(features, 0.6, rng)  # D24
    W_F, W_h, b, hs = p["W_F"], p["W_h"], p["b"], []
    h = c = np.zeros((2, len(lengths), 300))  # LSTM 0 reads from the beginning, LSTM 1 from the end
    for F_t in F:  # (2, videos, d_m): the next utterance of each video
        i, f, g, o = F_t @ W_F + h @ W_h + b  # input, forget, new, output: (2, videos, 300) each
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # the memory of the LSTM
        h = sigmoid(o) * np.tanh(c)  # its output
        hs.append(h)
    h = np.array(hs)
    h = np.concatenate([h[before, 0, video], h[after, 1, video]], axis=-1)  # (n, 600)
    return np.tanh(dropout(h, 0.9, rng) @ p["W_x"] + p["b_x"])

def ucln_loss(p, features, lengths, y, rng):
    """The cross-entropy of what x_m alone says about the class."""
    y_tilde = softmax(dropout(ucln(p, features, lengths, rng), 0.9, rng) @ p["W_y"] + p["b_y"])
    return -np.mean(np.sum(y * np.log(y_tilde), axis=-1))

def adadelta(p, gradient, state):
    """One step of Adadelta (Zeiler 2012). g2 and d2 are running means of g^2 and step^2."""
    for key, g in gradient.items():
        g2, d2 = state.get(key, (0, 0))
        g2 = 0.95 * g2 + 0.05 * g**2
        step = np.sqrt(d2 + 1e-6) / np.sqrt(g2 + 1e-6) * g
        state[key] = g2, 0.95 * d2 + 0.05 * step**2
        p[key] = p[key] - step

def train_ucln(corpus, m, y, rng):
    """x_m (n, d) of all utterances, by a UCLN that is trained on the training videos."""
    features, lengths = corpus.features[m], corpus.lengths
    p = {"W_F": glorot(rng, 4, 2, features.shape[1], 300), "W_h": glorot(rng, 4, 2, 300, 300),
         "b": np.zeros((4, 2, 1, 300)), "W_x": glorot(rng, 600, d), "b_x": np.zeros(d),
         "W_y": glorot(rng, d, N), "b_y": np.zeros(N)}  # 4 gates, 2 LSTMs, 300 units
    state, utterances = {}, np.split(np.arange(len(y)), corpus.starts[1:-1])  # of each video
    for _ in range(UCLN_EPOCHS):
        for videos in batches(rng, corpus.split["train"], 10):
            some = np.concatenate([utterances[i] for i in videos])
            adadelta(p, grad(ucln_loss)(p, features[some], lengths[videos], y[some], rng), state)
    print(f"UCLN of {m}: trained for {UCLN_EPOCHS} epochs")
    return ucln(p, features, lengths)

def main():
    corpus = data.standardise(data.load("mosi", source="auto"))  # if MOSI is not found: synthetic
    y = np.eye(N)[corpus.labels]  # (2199, N)
    rng = np.random.default_rng(0)
    x = np.array([train_ucln(corpus, m, y, rng) for m in "alv"])  # (3, 2199, d)
    training, test = corpus.utterances("train"), corpus.utterances("test")
    theta, n = train(x[:, training], y[training], rng), len(training)
    x_e = run(theta, "encoders", x[:, [*training, *test]], n=n)  # batch norm by the training set
    M = decide(theta, x_e, n)[n:]  # (752, N)
    accuracy = np.mean(M.argmax(axis=1) == corpus.labels[test])
    print(f"\n{len(test)} test utterances, {corpus.source} data")
    print(f"ARGF            {accuracy:.1%}\nmajority class  {y[test].mean(axis=0).max():.1%}")

if __name__ == "__main__":
    main()
