"""Media bytes: detect types, measure pictures, parse data URLs, save files."""
