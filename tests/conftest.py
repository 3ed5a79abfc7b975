"""Fixtures of all tests.

The number of threads is set before NumPy is loaded, so that results do not depend on the machine.
"""

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from autograd.core import VJPNode
from hypothesis import HealthCheck, settings

from argf_np import nn

matplotlib.use("Agg")

# Hypothesis draws the same examples in each run, and a machine that stands still fails no test.
settings.register_profile("untimed", derandomize=True, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def rng():
    """A generator of the test's own: nothing here uses NumPy's global one."""
    return np.random.default_rng(0)


@pytest.fixture(params=["readable", "fast"])
def each_implementation(request):
    """Run the test once with the readable and once with the fast operations."""
    previous = nn.use(request.param)
    yield request.param
    nn.use(previous)


@pytest.fixture
def cotangent_dtypes(monkeypatch):
    """The types of all cotangents that enter or leave a node of a tape: a set that fills."""
    dtypes, init = set(), VJPNode.__init__

    def init_and_record(node, *arguments):
        init(node, *arguments)
        vjp = node.vjp

        def vjp_and_record(g):
            parts = tuple(vjp(g))
            for part in (g, *parts):
                if hasattr(part, "dtype"):  # sparse parts have none
                    dtypes.add(part.dtype)
            return parts

        node.vjp = vjp_and_record

    monkeypatch.setattr(VJPNode, "__init__", init_and_record)
    return dtypes


@pytest.fixture(scope="session")
def real_data():
    """A function that gives the path of real data, in $ARGF_NP_TEST_DATA or beside the project."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ARGF_NP_TEST_DATA", beside))

    def find(name):
        if not (folder / name).exists():
            pytest.skip(f"needs the real data {folder / name}")
        return folder / name

    return find


@pytest.fixture(scope="session")
def mosi_dir(real_data):
    """The folder of the real CMU-MOSI features."""
    return real_data("mosi/transcripts.csv").parent


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache, and none disturbs NumPy's global generator."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("ARGF_NP_DATA", raising=False)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    after = np.random.get_state()[1]  # noqa: NPY002
    assert (after == before).all(), "the test moved NumPy's global random state"
