"""The model catalogue: names, abilities, limits and prices of the gateway's models."""
