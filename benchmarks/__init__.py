"""How fast argf_np is, beside PyTorch and beside the limits of the machine."""
