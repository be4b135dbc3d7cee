"""Process 3: the Terraform provider, on the standard library alone."""
