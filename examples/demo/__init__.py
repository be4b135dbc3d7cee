"""The loop, shown on this machine: a policy applied by Terraform, enforced, proven, and kept from drifting."""
