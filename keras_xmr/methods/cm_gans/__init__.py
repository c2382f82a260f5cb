"""The parts of CM-GANs: the method itself, its players, and batches with wrong rows."""
