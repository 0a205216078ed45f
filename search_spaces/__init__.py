"""What can be searched: activations, initializations, and the spaces over them."""
