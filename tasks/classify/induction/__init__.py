"""Taxonomy induction: types of mistakes found from what models call them."""
