terraform {
  required_version = ">= 1.5"

  required_providers {
    keeptrusts = {
      source  = "keeptrusts/keeptrusts"
      version = "~> 1.0"
    }
  }
}
