"""Serves: owns time, the order of I/O, transactions and processes."""
