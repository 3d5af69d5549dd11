"""What may go wrong: what an account must hold, in integers equal to the contract's to the atom."""
