"""Measurements that take too long, or swing too much with the machine, for `make test`."""
