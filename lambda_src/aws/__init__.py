"""The few AWS reads and writes that the functions make."""
