"""What people can do: one file a feature, thin."""
