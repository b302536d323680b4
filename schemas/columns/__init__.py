"""The columns of the tables, declared once, by the stage that adds them."""
