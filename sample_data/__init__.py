"""Sections to try the program on: simulated tissue with known truth, and public sections on demand."""
