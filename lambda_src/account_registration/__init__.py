"""Registers accounts with Alert Logic, as their stacks and the management side ask. Runs in the security account."""
