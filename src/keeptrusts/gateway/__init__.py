"""Process 1: the data plane."""
