"""A module that prints while it is loaded, and then raises."""
print("printed while loading")
raise RuntimeError("broken while loading")
