"""Everything stored and declared: recipes, the store, tables, releases."""
