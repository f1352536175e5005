"""Ways of making a model smaller, one a file, behind one interface (:mod:`.method`)."""
