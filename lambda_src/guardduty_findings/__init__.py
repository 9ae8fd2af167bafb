"""Sends GuardDuty's findings to Alert Logic. Runs in the security account."""
