"""What things are worth. The only floats beside routing live here; integers leave by name."""
