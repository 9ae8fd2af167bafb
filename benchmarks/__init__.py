"""Measurements that take too long, or swing too much with the machine, for `make test`."""

import sys
from pathlib import Path

# The functions' own code, as tests find it.
sys.path.append(str(Path(__file__).parents[1] / "lambda_src"))
