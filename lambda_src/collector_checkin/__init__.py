"""Keeps the collector of GuardDuty findings registered with Alert Logic, and reports how it is. Runs beside it."""
