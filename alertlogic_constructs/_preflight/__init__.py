"""What `python -m alertlogic_constructs.preflight` checks: a module for each area, which reads and then decides."""

from alertlogic_constructs import _lambda_packages as _lambda_packages  # makes alertlogic_api importable
