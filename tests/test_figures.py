"""Pictures: what is drawn, read back from the axes. The numbers are made up; no model is trained.
"""

import subprocess
import sys
from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from argf_np import figures
from argf_np.paper import joint_embedding_eq1_9 as losses
from argf_np.paper import model
from argf_np.paper import vertices as gfn
from argf_np.storage import cache

B, K = 13, 5
CLASSES = ("negative", "neutral", "positive")
WORDS = tuple(f"utterance number {i}" for i in range(B))
EPOCHS = 4


@pytest.fixture
def x_e(rng):
    """Encoded vectors with a gap: the modalities lie around 0, 10 and 20."""
    return rng.normal(size=(3, B, K)) + 10 * np.arange(3)[:, None, None]


@pytest.fixture
def weights(rng):
    """Weights as of the graph: unimodal in (0, 1), bimodal and trimodal with sum 1."""
    layers = [rng.uniform(0.1, 0.9, size=(B, n)) for n in (3, 3, 6)]
    return np.concatenate(
        [layers[0], *(layer / layer.sum(axis=1, keepdims=True) for layer in layers[1:])], axis=1
    )


@pytest.fixture
def history(rng):
    return [
        {"epoch": epoch, **{name: rng.uniform() for name in figures.PANELS}}
        for epoch in range(1, EPOCHS + 1)
    ]


@pytest.fixture(
    params=["training_curves", "embedding_space", "modality_gap", "vertex_weights", "graph"]
)
def draw(request, x_e, weights, history):
    """Each function in turn with its data; draw(...) passes on other arguments, returns axes."""
    function = getattr(figures, request.param)
    data = {
        "training_curves": (history,),
        "embedding_space": (x_e, np.arange(B) % 3, CLASSES),
        "modality_gap": (x_e,),
        "vertex_weights": (weights, WORDS),
        "graph": (weights,),
    }[request.param]

    def draw(ax=None, **others):
        if request.param != "training_curves":
            return function(*data, ax=ax, **others)
        return function(*data, axes=ax and dict.fromkeys(figures.PANELS, ax), **others)["fusion"]

    return draw


def heading(ax):
    return ax.figure.texts[0].get_text()


def caption(ax):
    return ax.figure.texts[1].get_text()


def colours(ax):
    """The colour of each collection of points."""
    return [tuple(points.get_facecolor()[0][:3]) for points in ax.collections]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# What holds for every picture


def test_a_figure_of_its_own_has_heading_title_and_caption(draw):
    ax = draw(title="mosi, synthetic, protocol fixed")
    assert heading(ax).endswith(" · mosi, synthetic, protocol fixed")
    assert len(caption(ax)) > 100
    assert "·" not in heading(draw())


def test_nothing_overlaps_or_is_cut_off(draw):
    """Heading above the axes, caption below, all inside the figure, even with a long heading."""
    figure = draw(title="a long title " * 9).figure
    figure.draw_without_rendering()
    above, below = (text.get_window_extent() for text in figure.texts)
    assert figure.bbox.x0 <= above.x0 < above.x1 <= figure.bbox.x1
    assert figure.bbox.x0 <= below.x0 < below.x1 <= figure.bbox.x1
    assert above.y1 <= figure.bbox.y1
    assert below.y0 >= figure.bbox.y0
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert below.y1 <= box.y0 < box.y1 <= above.y0
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_draws_into_the_given_axes(draw):
    figure = Figure()
    ax = figure.subplots()
    assert draw(ax=ax, title="synthetic") is ax
    assert ax.has_data()
    assert figure.texts == []  # heading and caption of somebody else's figure are not ours


def test_equal_pictures_are_equal_files(draw, tmp_path):
    for name in ("one", "two"):
        figures.save(draw(title="synthetic").figure, tmp_path / name)
    png = (tmp_path / "one").read_bytes()
    assert png == (tmp_path / "two").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 1600  # pixels wide
    assert b"tEXt" not in png  # no version and no date
    figures.save(draw(title="real data").figure, tmp_path / "other")
    assert png != (tmp_path / "other").read_bytes()


def test_one_notice_for_all_pictures_says_that_the_font_lacks_letters(tmp_path, capsys):
    cache.say_once.cache_clear()
    for name in ("first", "second"):
        axes = Figure().subplots()
        axes.set_title("消极")
        figures.save(axes.figure, tmp_path / name)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("notice: ")
    assert "font" in line



def test_leaves_no_global_state(draw):
    settings = dict(matplotlib.rcParams)
    draw()
    assert dict(matplotlib.rcParams) == settings
    assert plt.get_fignums() == []


def test_matplotlib_is_loaded_only_to_draw():
    code = (
        "import sys, argf_np.paper.protocols, argf_np.paper.ucln; "
        "assert 'matplotlib' not in sys.modules; "
        "import argf_np.figures; assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        ).stderr
        == ""
    )


# Colours and labels

# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as the colour-blind see it.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, vision):
    """CIE L*a*b* of a colour as it is seen."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(vision) @ linear, 0, 1)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ seen
    )
    xyz /= [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "palette", [tuple(figures.MODALITY_COLOURS.values()), figures.CLASS_COLOURS[:2]]
)
def test_the_colour_blind_tell_colours_apart(palette, vision):
    distances = [
        np.linalg.norm(lab(one, VISION[vision]) - lab(two, VISION[vision]))
        for one, two in combinations(palette, 2)
    ]
    assert min(distances) > 30  # red and green of equal lightness: 10


def test_colours_of_bimodal_and_trimodal_vertices_are_mixes():
    a, l, v = (np.array(to_rgb(figures.MODALITY_COLOURS[m])) for m in "alv")
    assert figures.vertex_colour("l") == tuple(l)
    np.testing.assert_allclose(figures.vertex_colour("av"), (a + v) / 2)
    np.testing.assert_allclose(figures.vertex_colour("av+l"), (a + l + v) / 3)
    np.testing.assert_allclose(figures.vertex_colour("al+vl"), (a + 2 * l + v) / 4)


def test_labels_are_the_symbols_of_the_paper():
    assert figures.vertex_label("a") == r"$\alpha_{a}$"
    assert figures.vertex_label("al") == r"$\alpha_{al}$"
    assert figures.vertex_label("al+vl") == r"$\alpha_{al{+}vl}$"


# Training curves


def test_training_curves_have_a_panel_for_each_loss(history):
    axes = figures.training_curves(history)
    assert list(axes) == [
        "embedding",
        "discriminator",
        "classifier",
        "fusion",
        "validation_fusion",
        "validation_accuracy",
    ]
    assert len({id(ax) for ax in axes.values()}) == 6
    for name, ax in axes.items():
        curve = ax.lines[0]
        assert list(curve.get_xdata()) == [1, 2, 3, 4]
        assert list(curve.get_ydata()) == [row[name] for row in history]
        assert ax.get_xlabel() == "epoch"
    assert "L_{rl}" in axes["embedding"].get_title()
    assert "L_{tal}" in axes["discriminator"].get_title()
    assert "L_{cl}" in axes["classifier"].get_title()


def test_caption_of_training_speaks_of_the_panels_that_are_there(history):
    """An ablation may have no discriminator, and a corpus no validation utterances."""
    everything = " ".join(caption(figures.training_curves(history)["fusion"]).split())
    assert "Where the discriminator's loss rises to the dotted line" in everything
    assert "Below: utterances that no update sees." in everything
    fusion_alone = [{name: row[name] for name in ("epoch", "fusion")} for row in history]
    alone = " ".join(caption(figures.training_curves(fusion_alone)["fusion"]).split())
    assert "discriminator" not in alone
    assert "Below" not in alone


def test_the_dotted_line_is_the_loss_of_a_fooled_discriminator(history):
    """One of three modalities is true: where all look alike, no D does better than 1/3."""
    dotted = figures.training_curves(history)["discriminator"].lines[1]

    def loss(D):
        z = np.full((3, B, 1), np.log(D / (1 - D)))
        return losses.discriminator_term(losses.true_adversarial_loss(z, target=1))

    np.testing.assert_allclose(dotted.get_ydata(), loss(1 / 3))
    assert loss(1 / 3) < min(loss(0.3), loss(0.36), loss(0.5))


def test_accuracy_has_a_scale_on_which_one_utterance_is_no_jump(history):
    for row, accuracy in zip(history, (0.980, 0.983, 0.977, 0.980), strict=True):
        row["validation_accuracy"] = accuracy
    ax = figures.training_curves(history)["validation_accuracy"]
    ax.figure.draw_without_rendering()
    assert ax.get_ylim() == (0.5, 1.01)
    assert {"60%", "80%", "100%"} <= {label.get_text() for label in ax.get_yticklabels()}
    history[0]["validation_accuracy"] = 0.2
    assert figures.training_curves(history)["validation_accuracy"].get_ylim()[0] < 0.2


def test_test_accuracy_is_drawn_where_the_protocol_looked_at_it(history):
    assert figures.training_curves(history)["validation_accuracy"].get_legend() is None
    history = [row | {"test_accuracy": 0.1 * row["epoch"]} for row in history]
    ax = figures.training_curves(history)["validation_accuracy"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.1, 0.2, 0.3, 0.4])
    assert legend(ax) == ["validation", "test"]
    assert "validation" not in ax.get_title()


def test_one_epoch_can_be_seen(history):
    ax = figures.training_curves(history[:1])["fusion"]
    assert ax.lines[0].get_marker() == "."  # a line of one point has no length
    ax.figure.draw_without_rendering()
    assert all(
        float(label.get_text()).is_integer() for label in ax.get_xticklabels()
    )  # no epoch 0.95


# Embedding space, modality gap


@pytest.mark.parametrize("installed", [True, False])
def test_embedding_space_draws_every_utterance_in_its_class(x_e, monkeypatch, installed):
    if installed:
        pytest.importorskip("sklearn", reason="t-SNE needs scikit-learn")
    else:
        monkeypatch.setitem(sys.modules, "sklearn.manifold", None)  # import raises ImportError
    labels = np.array([0] * 2 + [1] * 4 + [2] * 7)
    ax = figures.embedding_space(x_e, labels, CLASSES)
    assert [len(points.get_offsets()) for points in ax.collections] == [2, 4, 7]
    assert colours(ax) == [to_rgb(colour) for colour in figures.CLASS_COLOURS[:3]]
    assert legend(ax) == ["negative (2)", "neutral (4)", "positive (7)"]
    method, other = ("t-SNE", "PCA") if installed else ("PCA", "t-SNE")
    assert method in caption(ax)
    assert other not in caption(ax)
    assert ax.get_xlabel() == f"{method}, first dimension"


def test_negative_is_purple_and_positive_is_cyan(x_e):
    negative, positive = colours(
        figures.embedding_space(x_e, np.arange(B) % 2, ("negative", "positive"))
    )
    assert negative[1] < min(negative[0], negative[2])  # least green
    assert positive[0] < min(positive[1], positive[2])  # least red


def test_embedding_space_sees_each_modality(x_e, monkeypatch):
    """Classes that differ in two of three modalities stay apart, even where a sum cancels."""
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    labels = np.arange(B) % 2
    for m in range(3):
        moved = x_e.copy()
        moved[m] += 40 * labels[:, None]
        moved[m - 1] -= 40 * labels[:, None]
        one, two = (
            points.get_offsets()[:, 0]
            for points in figures.embedding_space(
                moved, labels, ("negative", "positive")
            ).collections
        )
        assert max(one) < min(two) or max(two) < min(one)


def test_tsne_repeats_from_its_seed(x_e):
    pytest.importorskip("sklearn", reason="t-SNE needs scikit-learn")

    def points(seed):
        return (
            figures.embedding_space(x_e, np.zeros(B, int), ("all",), seed=seed)
            .collections[0]
            .get_offsets()
        )

    np.testing.assert_array_equal(points(3), points(3))


def test_modality_gap_draws_each_modality_in_its_colour(x_e):
    ax = figures.modality_gap(x_e)
    assert [len(points.get_offsets()) for points in ax.collections] == [
        B,
        1,
        B,
        1,
        B,
        1,
    ]  # vectors, their mean, ...
    assert (
        colours(ax)[::2]
        == colours(ax)[1::2]
        == [to_rgb(figures.MODALITY_COLOURS[m]) for m in "alv"]
    )
    for points, mean in zip(ax.collections[::2], ax.collections[1::2], strict=True):
        np.testing.assert_allclose(mean.get_offsets()[0], points.get_offsets().mean(axis=0))
    assert legend(ax) == ["$x_a^e$  acoustic", "$x_l^e$  language", "$x_v^e$  visual"]


def test_modality_gap_keeps_distances_and_states_them():
    """Vectors in a plane keep their distances, here those of a right triangle."""
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    around = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    x_e = np.pad(corners[:, None] + around, [(0, 0), (0, 0), (1, 2)])  # (3, 4, 5)
    ax = figures.modality_gap(x_e)
    means = [mean.get_offsets()[0] for mean in ax.collections[1::2]]
    np.testing.assert_allclose(
        [np.linalg.norm(one - two) for one, two in combinations(means, 2)], [3, 4, 5]
    )
    assert (
        "In all 5 dimensions the means are 4.00 apart, and a vector is 0.50 from its mean"
        in caption(ax)
    )
    assert "100% of the variance" in caption(ax)
    assert ax.get_aspect() == 1


def test_modality_gap_states_the_share_of_the_variance_in_two_components():
    """Points on three axes, at 3, 2 and 1 on both sides: 9, 4 and 1 parts of the variance."""
    x_e = np.stack([np.diag([3.0, 2.0, 1.0]), -np.diag([3.0, 2.0, 1.0])])
    assert "two components hold 93% of the variance" in caption(
        figures.modality_gap(x_e, modalities=("face", "speech")))


# Weights of the vertices


def test_stack_weights_is_in_the_order_of_the_vertices(rng):
    params = model.init_model(rng, d=7, k=K, N=2, dtype="float64")
    out = model.forward(params, rng.normal(size=(3, B, 7)))
    weights = gfn.stack_weights(out)
    assert weights.shape == (B, len(gfn.VERTICES)) == (B, 12)
    for column, vertex in enumerate(gfn.VERTICES):
        layer, names = (
            ("alpha_m", gfn.UNIMODAL)
            if column < 3
            else (("alpha_2", list(gfn.BIMODAL)) if column < 6 else ("alpha_3", list(gfn.TRIMODAL)))
        )
        np.testing.assert_array_equal(weights[:, column], out[layer][names.index(vertex), :, 0])


def test_vertex_weights_has_a_row_an_utterance_and_a_column_a_vertex(weights):
    ax = figures.vertex_weights(weights, WORDS)
    assert ax.images[0].get_array().shape == (B, 12)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(WORDS)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        figures.vertex_label(v) for v in gfn.VERTICES
    ]
    cells = {
        text.get_position(): text.get_text() for text in ax.texts if text.get_text().startswith(".")
    }
    assert cells == {
        (column, row): f"{weights[row, column]:.2f}"[1:] for row in range(B) for column in range(12)
    }
    assert [text.get_color() for text in ax.texts if text.get_text() == "■"] == [
        figures.vertex_colour(v) for v in gfn.VERTICES
    ]


def test_layers_are_named_and_set_apart(weights):
    ax = figures.vertex_weights(weights, WORDS)
    assert [line.get_xdata()[0] for line in ax.lines] == [2.5, 5.5, 11.5]
    names = {text.get_text(): text.xy[0] for text in ax.texts if text.get_text().endswith("modal")}
    assert names == {
        "unimodal": 1,
        "bimodal": 4,
        "trimodal": 8.5,
    }  # the middle of each layer's columns


def test_colour_is_the_distance_from_the_mean_of_the_layer(weights):
    shade = figures.vertex_weights(weights, WORDS).images[0].get_array()
    for layer in (slice(0, 3), slice(3, 6), slice(6, 12)):
        np.testing.assert_allclose(
            shade[:, layer], weights[:, layer] / weights[:, layer].mean() - 1
        )
    equal = figures.vertex_weights(
        np.repeat([[0.5] * 3 + [1 / 3] * 3 + [1 / 6] * 6], B, axis=0), WORDS
    ).images[0]
    np.testing.assert_allclose(equal.get_array(), 0, atol=1e-12)
    assert equal.get_clim() == (-0.5, 0.5)  # tiny differences do not get the strongest colours
    weights[0, 0] = 9.0
    image = figures.vertex_weights(weights, WORDS).images[0]
    assert image.get_clim() == (image.get_array().min(), image.get_array().max())
    assert image.get_clim()[0] >= -1  # no weight is more than 100 % below a mean
    assert image.norm(0) == 0.5  # white is the mean


def test_words_are_shortened_and_never_read_as_mathtext(weights):
    words = ["it costs $\\5 or\n\n$6", "a word " * 20, "s" * 90, "s" * 32]
    ax = figures.vertex_weights(weights[:4], words)
    ax.figure.draw_without_rendering()  # fails if a $ opens mathtext
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "it costs $\\5 or $6",
        "a word a word a word a word a …",
        "s" * 32 + " …",
        "s" * 32,
    ]


def test_weights_of_another_shape_are_refused(weights):
    with pytest.raises(ValueError, match=r"weights of shape \(12, 13\), expected \(13, 12\)"):
        figures.vertex_weights(weights.T, WORDS)
    with pytest.raises(ValueError, match=r"weights of shape \(13, 12\), expected \(12, 12\)"):
        figures.vertex_weights(weights, WORDS[1:])


# The graph


def test_graph_draws_the_vertices_by_weight(weights):
    ax = figures.graph(weights[0])
    (vertices,) = ax.collections
    assert len(vertices.get_offsets()) == 12
    sizes = vertices.get_sizes()
    np.testing.assert_allclose(sizes / sizes[0], weights[0] / weights[0, 0])
    np.testing.assert_allclose(
        vertices.get_facecolor()[:, :3], [figures.vertex_colour(v) for v in gfn.VERTICES]
    )
    for vertex, weight in zip(gfn.VERTICES, weights[0], strict=True):
        assert f"{figures.vertex_label(vertex)} = {weight:.2f}" in texts(ax)
    across, up = vertices.get_offsets().T
    assert len(set(across)) == 3  # three layers
    for x in set(across):
        assert (np.diff(up[across == x]) < 0).all(), "each in its order, from top to bottom"


def test_caption_of_the_graph_names_equal_weights_of_the_layers_that_sum_to_1(weights):
    """Three bimodal vertices would have a third each, six trimodal ones a sixth each."""
    words = " ".join(caption(figures.graph(weights[0])).split())
    assert words.endswith("equal weights would be 0.33 and 0.17.")


def test_weights_of_other_modalities_are_no_graph():
    """24 numbers per utterance are not two utterances of 12."""
    with pytest.raises(ValueError, match="zip"):
        figures.graph(np.ones((3, 24)))


def test_graph_draws_the_edges_of_the_network(weights):
    """Six edges into layer 2, twelve into layer 3, each with the colour and width of its source."""
    ax = figures.graph(weights[0])
    where = {
        tuple(xy): v
        for xy, v in zip(ax.collections[0].get_offsets().tolist(), gfn.VERTICES, strict=True)
    }
    edges = [tuple(where[tuple(xy)] for xy in line.get_xydata().tolist()) for line in ax.lines]
    expected = [
        (source, vertex) for vertex, pair in (gfn.BIMODAL | gfn.TRIMODAL).items() for source in pair
    ]
    assert sorted(edges) == sorted(expected)
    assert len(edges) == 18
    for line, (source, _) in zip(ax.lines, edges, strict=True):
        assert line.get_color() == figures.vertex_colour(source)
        assert line.get_linewidth() == pytest.approx(6 * weights[0, gfn.VERTICES.index(source)])


def test_no_edge_of_the_graph_runs_through_a_third_vertex(weights):
    ax = figures.graph(np.full(12, 0.5))
    ax.figure.draw_without_rendering()
    to_points = 72 / ax.figure.dpi
    centres = ax.transData.transform(ax.collections[0].get_offsets()) * to_points
    radius = np.sqrt(ax.collections[0].get_sizes()[0]) / 2
    for line in ax.lines:
        start, end = ax.transData.transform(line.get_xydata()) * to_points
        along = np.clip((centres - start) @ (end - start) / np.sum((end - start) ** 2), 0, 1)
        distance = np.linalg.norm(start + along[:, None] * (end - start) - centres, axis=1)
        assert np.sum(distance < 1.1 * radius) == 2  # its own two ends


def test_graph_draws_the_mean_of_many_utterances(weights):
    many, mean = figures.graph(weights), figures.graph(weights.mean(axis=0))
    assert texts(many) == texts(mean)
    assert texts(many) != texts(figures.graph(weights[0]))


# Other modalities than the paper's

OTHERS = (
    ("pulse", "speech"),
    ("a", "l"),
    ("face_1", "l", "pulse.rate"),
    ("face", "l", "pulse", "speech"),
)


@pytest.mark.parametrize("modalities", OTHERS, ids="-".join)
def test_other_modalities_have_colours_and_labels_of_their_own(modalities):
    of = figures.modality_colours(modalities)
    assert len(set(of.values())) == len(modalities)
    assert all(colour == figures.MODALITY_COLOURS.get(m, colour) for m, colour in of.items())
    first, second = modalities[:2]
    [vertex] = [
        name for name, pair in gfn.bimodal(modalities).items() if set(pair) == {first, second}
    ]
    np.testing.assert_allclose(
        figures.vertex_colour(vertex, modalities),
        (np.array(to_rgb(of[first])) + to_rgb(of[second])) / 2,
    )
    assert figures.vertex_label("pulse*speech") == "pulse*speech"


def test_a_name_within_another_is_not_taken_for_it():
    modalities = ("face", "face+hand", "hand")
    of = {m: np.array(to_rgb(colour)) for m, colour in figures.modality_colours(modalities).items()}
    np.testing.assert_allclose(
        figures.vertex_colour("face*face+hand", modalities), (of["face"] + of["face+hand"]) / 2
    )


@pytest.mark.parametrize("modalities", OTHERS, ids="-".join)
def test_pictures_of_other_modalities(modalities, history, rng):
    vertices = [*modalities, *gfn.bimodal(modalities), *gfn.trimodal(modalities)]
    weights, x_e = (
        rng.uniform(0.1, 0.9, (B, len(vertices))),
        rng.normal(size=(len(modalities), B, K)),
    )
    pictures = {
        "gap": figures.modality_gap(x_e, modalities=modalities),
        "weights": figures.vertex_weights(weights, WORDS, modalities=modalities),
        "graph": figures.graph(weights, modalities=modalities),
        "curves": figures.training_curves(history, modalities=modalities)["discriminator"],
    }
    for ax in pictures.values():
        ax.figure.draw_without_rendering()
        above, below = (text.get_window_extent() for text in ax.figure.texts)
        box = ax.get_tightbbox()
        assert below.y1 <= box.y0 < box.y1 <= above.y0
        assert ax.figure.bbox.x0 <= box.x0 < box.x1 <= ax.figure.bbox.x1
    assert [name.split()[-1] for name in legend(pictures["gap"])] == [
        figures.MODALITY_NAMES.get(m, m) for m in modalities
    ]
    assert [label.get_text() for label in pictures["weights"].get_xticklabels()] == [
        figures.vertex_label(v) for v in vertices
    ]
    drawn = texts(pictures["graph"])
    for vertex, weight in zip(vertices, weights.mean(axis=0), strict=True):
        assert f"{figures.vertex_label(vertex)} = {weight:.2f}" in drawn
    m, D = len(modalities), 1 / len(modalities)
    assert f"$D=1/{m}$" in caption(pictures["curves"])
    np.testing.assert_allclose(
        pictures["curves"].lines[1].get_ydata(),
        losses.discriminator_term(
            losses.true_adversarial_loss(np.full((m, B, 1), np.log(D / (1 - D))), target=1)
        ),
    )


def test_panels_that_the_history_lacks_are_left_out(history):
    """Ablations leave out updates; without validation utterances there is no lower row."""
    for row in history:
        for name in ("discriminator", "validation_fusion", "validation_accuracy"):
            del row[name]
    axes = figures.training_curves(history)
    assert [*axes] == ["embedding", "classifier", "fusion"]
    axes["fusion"].figure.draw_without_rendering()


def test_one_dimension_and_two_utterances_can_be_drawn(rng):
    x_e = rng.normal(size=(2, 2, 1))
    figures.embedding_space(x_e, [0, 1], ("no", "yes")).figure.draw_without_rendering()
    figures.modality_gap(x_e, modalities=("a", "l")).figure.draw_without_rendering()
