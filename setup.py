"""argf_np: the ARGF paper (AAAI 2020) from scratch on NumPy."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
TUTORIALS = ["jupyterlab>=4", "ipykernel>=6", "jupytext>=1.15", "nbclient>=0.8", "nbformat>=5.9"]
CLUSTER = ["distributed>=2024.8"]
TEST = ["pytest>=7.4", "pytest-xdist>=3.5", "hypothesis>=6.100", "trustme>=1.1",
        "scikit-learn>=1.5", "pandas>=2.2.2", "ruff>=0.6", "mypy>=2.0", "build>=1.2", *CLUSTER,
        *TUTORIALS[1:]]
VERSION = r'__version__ = "(.+)"'

setup(
    name="argf_np",
    version=re.search(VERSION, (here / "argf_np/__init__.py").read_text(encoding="utf-8"))[1],
    description="ARGF: adversarial representation learning, graph fusion; from scratch on NumPy",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["argf_np", "argf_np.*"]),
    install_requires=["numpy>=2.0", "autograd>=1.8", "matplotlib>=3.9"],
    extras_require={
        "test": TEST,
        "figures": ["scikit-learn>=1.5"],  # t-SNE of Figure 5
        "cluster": CLUSTER,  # many runs on a Dask cluster
        "benchmarks": ["torch>=2.4"],  # the yardstick, also of the parity tests
        "tutorials": TUTORIALS,
        "screenshots": ["playwright>=1.40", *TUTORIALS],  # tutorials/screenshots.py
    },
)
