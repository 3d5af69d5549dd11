"""Options beyond calls and puts: closed forms where they exist, else sampled with an error."""
