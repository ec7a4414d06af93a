"""Who uses which device when, and what a GPU says of itself."""
