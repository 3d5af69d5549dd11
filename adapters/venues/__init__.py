"""One venue a file; adapters/registry.py finds them."""
