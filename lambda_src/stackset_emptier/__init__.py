"""Empties the StackSet before CloudFormation deletes it. Runs in the management account."""
