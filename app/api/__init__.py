"""The HTTP and WebSocket surface: each endpoint parses, calls one function and answers."""
