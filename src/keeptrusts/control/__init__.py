"""Process 2: the control plane."""
