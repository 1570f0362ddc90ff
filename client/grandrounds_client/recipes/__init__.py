"""Recipes: which lessons a site writes in a round."""

from typing import cast

from grandrounds_client.plugins import load
from grandrounds_client.recipes.base import (
    Classroom,
    Lessons,
    Recipe,
    on_drawn_seeds,
    works_on_drawn_seeds,
)

__all__ = [
    "Classroom",
    "Lessons",
    "Recipe",
    "find_recipe",
    "on_drawn_seeds",
    "works_on_drawn_seeds",
]


def find_recipe(name: str, where: str) -> Recipe:
    """Return the recipe registered as `name`.

    Raises
    ------
    BadInput
        If there is none, listing those that are.
    """
    return cast("Recipe", load("grandrounds.recipes", name, where))
