"""What `fit` needs besides the model: batches and callbacks."""
