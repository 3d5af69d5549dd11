"""One price source a file: what to read on chain and how it becomes a PriceSample."""
