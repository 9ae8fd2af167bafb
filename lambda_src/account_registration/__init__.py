"""Registers accounts with Alert Logic when CloudFormation asks. Runs in the security account."""
