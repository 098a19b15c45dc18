"""Lightning modules: loop, optimiser and data."""
