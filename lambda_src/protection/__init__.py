"""What a deployment is to protect, and which of it is ours to change: shared by all functions that change one."""
