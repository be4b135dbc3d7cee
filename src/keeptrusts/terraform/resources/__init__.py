"""What Terraform manages: one module for each noun."""
