"""What the benches and the tests measure against: instances by seed, and the peers themselves."""
