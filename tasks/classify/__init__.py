"""Classification: of what type a mistake is."""
