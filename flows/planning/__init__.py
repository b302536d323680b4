"""Planning: a recipe and a store become the tables that are still to be made, and what that would cost."""
