"""Gives each account of the organization the stack instances that it should have. Runs in the management account."""
