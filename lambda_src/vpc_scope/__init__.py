"""Keeps the VPCs with a certain tag in the scope of their account's deployment. Runs in the security account."""
