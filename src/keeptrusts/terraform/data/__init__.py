"""What Terraform only reads: one module for each noun. What changes by itself is shown here, never in a resource."""
