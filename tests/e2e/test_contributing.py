"""Whoever follows CONTRIBUTING.md word for word gets there: the recipes are carried out in a clean copy, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_run import ROOT, clean_copy
from recipe import Block, recipes

RECIPES = recipes(ROOT / "CONTRIBUTING.md")


def test_there_are_three_recipes() -> None:
    assert list(RECIPES) == ["Add a topic", "Add a step", "Add a service"]
    assert all(any(block.kind == "sh" for block in blocks) for blocks in RECIPES.values())


@pytest.mark.timeout(900)
def test_each_recipe_works_after_the_one_before(tmp_path: Path) -> None:
    copy = clean_copy(tmp_path / "copy")
    for blocks in RECIPES.values():
        for block in blocks:
            block.apply(copy)


def test_a_recipe_that_no_longer_fits_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\n")
    with pytest.raises(AssertionError, match=r"no line of a\.py has: two"):
        Block("python", "x\n", "a.py", "after", "two").apply(tmp_path)
    with pytest.raises(AssertionError, match=r"a\.py is there already"):
        Block("python", "x\n", "a.py").apply(tmp_path)
    with pytest.raises(AssertionError, match="exit 3"):
        Block("sh", "exit 3\n").apply(tmp_path)


def test_blocks_go_in_after_and_instead_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\nthree\n")
    Block("python", "after one\n", "a.py", "after", "one").apply(tmp_path)
    Block("python", "TWO\n", "a.py", "instead of", "two").apply(tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\nafter one\nTWO\nthree\n"
