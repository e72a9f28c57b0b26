"""What `validate` looks at, part by part. Nothing here executes anything of the lab."""
