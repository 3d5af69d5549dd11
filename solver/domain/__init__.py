"""Values every layer speaks in: frozen, without behaviour beyond their own arithmetic."""
