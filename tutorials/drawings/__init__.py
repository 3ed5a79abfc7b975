"""Drawings that are too long for a notebook: `notebook_00` has those of notebook 00, and so on."""
