"""What predictive margin would have done: walk-forward over recorded history, judged and drawn."""
