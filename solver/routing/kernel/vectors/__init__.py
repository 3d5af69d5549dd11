"""The numpy engine: whole arrays at a time, always there and ready at once."""
