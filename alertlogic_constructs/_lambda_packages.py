"""Importing this makes the functions' packages importable, such as `alertlogic_api`, wherever their sources lie."""

from __future__ import annotations

import sys

from ._lambda_asset import SOURCE

# Last, so that none of them hides a package that is installed.
sys.path.append(str(SOURCE))
