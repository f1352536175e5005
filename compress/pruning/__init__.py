"""Finding and removing heads and neurons: importance, budget, search, mending what is left."""
