"""The parts of UGACH: the method itself, its game, and the graph it learns from."""
