"""Lattice: decode and train with lattices from the command line, in the energy view of Graph Transformer Networks."""

__version__ = "0.1.0"
