"""From a winning solution to a final block, once: durable steps, own nonces, one log follower."""
