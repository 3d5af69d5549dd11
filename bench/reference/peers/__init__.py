"""What we measure ourselves against: other methods on the same instances."""
