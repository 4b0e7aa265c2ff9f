"""Recipes that make pictures of rendered planes."""

from perijove.enhance.picture import Picture
from perijove.enhance.recipe import Recipe
from perijove.enhance.recipes import RECIPES, apply_recipe

__all__ = ["RECIPES", "Picture", "Recipe", "apply_recipe"]
