"""Settings: names, presets, what is refused, and what the commands say of them."""

import re
import shlex

import numpy as np
import pytest

from argf_np import train
from argf_np.baselines import MODELS
from argf_np.commands import exit_code
from argf_np.errors import SettingError
from argf_np.paper.fusions_table6 import STRATEGIES
from argf_np.settings import FIELDS, PRESETS, Settings, command_line, preset


def names_of(setting):
    """The names that a setting takes, as its error lists them."""
    with pytest.raises(SettingError) as caught:
        Settings(**{setting: "no such name"})
    return str(caught.value).split("expected one of ")[1].split(", ")


def test_names_of_models_and_fusions_are_those_of_the_registries():
    assert names_of("model") == [*MODELS]
    assert names_of("fusion") == [*STRATEGIES]


def test_every_name_that_is_offered_is_taken():
    for setting in ("model", "fusion", "without", "variant", "protocol", "activations", "dtype"):
        for name in names_of(setting):
            assert getattr(Settings(**{setting: name}), setting) == name


def test_what_is_given_comes_before_the_preset():
    assert set(PRESETS) == {"mosi", "mosei", "iemocap"}
    assert preset("mosei", seed=3).seed == 3
    assert preset("iemocap", weight_decay=1.0).weight_decay == 1


def test_numbers_of_numpy_become_plain_numbers():
    settings = Settings(k=np.int64(3), lr=np.float32(0.5), drop_rate=0)
    assert (settings.k, settings.lr, settings.drop_rate) == (3, 0.5, 0.0)
    assert [type(value) for value in (settings.k, settings.lr, settings.drop_rate)] == [
        int, float, float]


def test_a_seed_may_be_as_large_as_one_likes():
    assert Settings(seed=10**20).seed == 10**20


@pytest.mark.parametrize("values", [
    {"lambda_": 0}, {"lambda_": 1}, {"drop_rate": 0}, {"weight_decay": 0}, {"k": 1},
    {"ucln_patience": 0}, {"seed": 0}], ids=str)
def test_the_ends_of_a_range_belong_to_it(values):
    [(name, value)] = values.items()
    assert getattr(Settings(**values), name) == value


@pytest.mark.parametrize("text", ["face,text", "face, text", " face ,text "])
def test_blanks_around_modalities_do_not_count(text):
    settings = Settings(modalities=text, target="text")
    assert settings.modalities == "face,text"
    assert settings.modality_list == ("face", "text")
    assert settings.target_row == 1


@pytest.mark.parametrize(("values", "message", "shown"), [
    ({"drop_rate": 1}, "drop_rate 1: expected a number from 0 to below 1", "--drop-rate 1: "),
    ({"k": True}, "k True: expected a whole number from 1, below 1e9", "--k True: "),
    ({"lambda_": 2.0}, "lambda_ 2.0: expected a number from 0 to 1", "--lambda 2.0: "),
    ({"lr": np.nan}, "lr nan: expected a number above 0, below 1e9", "--lr nan: "),
    ({"d": 10**20}, f"d {10**20}: expected a whole number from 1, below 1e9", f"--d {10**20}: "),
    ({"seed": -1}, "seed -1: expected a whole number from 0", "--seed -1: "),
    ({"target": "x"}, "target x: expected one of a, l, v", "--target x: "),
    ({"modalities": "a"}, "modalities a: expected two names or more, each once",
     "--modalities a: "),
])
def test_an_error_names_the_setting_and_a_command_its_flag(values, message, shown, capsys):
    with pytest.raises(SettingError, match=f"^{re.escape(message)}$"):
        Settings(**values)
    assert exit_code(lambda: Settings(**values)) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {shown}")
    assert error.count("\n") == 1


def test_command_line_gives_the_same_settings():
    settings = Settings(dataset="/my data/mine.npz", modalities="a,v", target="v", learn_w=True,
                        lambda_=0.25, epochs=3, model="tfn")
    options = vars(train.parser().parse_args(shlex.split(command_line(settings))))
    assert Settings(**{name: options[name] for name in FIELDS if name in options}) == settings


def test_help_shows_every_setting_with_its_default():
    text = " ".join(train.parser().format_help().split())
    for name, spec in FIELDS.items():
        assert f"{spec.metadata['help']} (default {spec.default}" in text, name
    assert "iemocap 32" in text, "presets of other data sets are shown"


@pytest.mark.parametrize(("flag", "said"), [
    ("--target", "own data without a modality l takes the first of its modalities alphabetically"),
    ("--out", "nothing in it is replaced except a run of the same data and settings"),
])
def test_help_says_what_a_default_does(flag, said):
    text = " ".join(train.parser().format_help().split())
    of_flag = text.split(f" {flag} ")[-1].split(" --")[0]
    assert said in of_flag
