"""How fast argf_np is beside PyTorch and beside what the machine allows: ``python -m benchmarks``."""
