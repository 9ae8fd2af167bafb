"""Gives every account that Control Tower enrolls its stack instances. Runs in the management account."""
