"""What a screen reader is told, and where Tab goes, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

START = """
- link "Skip to the results"
- banner:
  - heading "rankzoo" [level=1]:
    - link "rankzoo"
  - combobox "Index"
  - paragraph: 12 images, found with the model colours
  - button "Light or dark"
- main:
  - search "Search":
    - button /Choose images/
    - searchbox "Say what to look for"
    - button "Search"
    - group "How many hits, and how good":
      - slider "Hits": "24"
      - slider "Lowest score"
    - group:
      - text: Filter
  - status: 12 items to look through
  - list "Results":
    - listitem:
      - button "blue, details":
        - img "a blue square 0"
      - text: blue a blue square 0
      - button "More like blue"
"""
FOUND = """
- main:
  - region "Your query":
    - figure:
      - img "The image you asked with"
    - paragraph: Your image
    - list "What the hits say it is":
      - listitem:
        - strong: red
    - button "Start over"
    - checkbox "Add the next image, text or item to it"
  - status: /12 hits in \\d+ ms/
  - list "Results":
    - listitem:
      - button /Hit 1. red, details/
      - button "More like red"
"""
DETAILS = """
- dialog "red":
  - button "Close"
  - heading "red" [level=2]
  - img "a red square 9"
  - button "Previous item" [disabled]
  - status: 1 of 12
  - button "Next item"
  - link "Original size"
  - button "More like this"
  - term: rank
"""
FOCUSED = (
    "(() => { const e = document.activeElement;"
    " return e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.textContent.trim(); })()"
)


def walk(page: Page, steps: int) -> list[str]:
    found = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        found.append(" ".join(page.evaluate(FOCUSED).split()))
    return found


def test_landmarks_names_and_results_are_there_to_be_read(
    address: Callable[..., str], page: Page, photos: Path
) -> None:
    page.goto(address())
    expect(page.locator("body")).to_match_aria_snapshot(START)
    assert page.locator("#threshold").get_attribute("aria-valuetext") == "any"
    page.set_input_files("#file", photos / "red" / "1.png")
    expect(page.locator("body")).to_match_aria_snapshot(FOUND)
    page.locator("#results .open").first.click()
    expect(page.locator("#details")).to_match_aria_snapshot(DETAILS)
    page.keyboard.press("Escape")
    expect(page.locator("#results .open").first).to_be_focused()


def test_counts_and_problems_are_announced_where_they_change(
    address: Callable[..., str], page: Page
) -> None:
    page.goto(address())
    status, problem = page.get_by_role("status"), page.get_by_role("alert")
    expect(status).to_have_text("12 items to look through")
    page.fill("#text", "red")
    page.press("#text", "Enter")
    expect(status).to_contain_text("12 hits")
    page.click("#filters > summary")
    page.click("#advanced > summary")
    page.fill("#where", "label = 'none'")
    page.press("#where", "Enter")
    expect(status).to_have_text("Nothing reaches this score and fulfils the condition.")
    page.fill("#where", "nonsense = 1")
    page.press("#where", "Enter")
    expect(problem).to_contain_text("no such column")


def test_tab_goes_from_the_top_to_the_results_in_the_order_of_reading(
    address: Callable[..., str], page: Page
) -> None:
    page.goto(address())
    expect(page.locator("#results li")).to_have_count(12)
    names = walk(page, 12)
    assert names[:3] == ["Skip to the results", "rankzoo", "Index idx"]
    assert names[3:7] == [
        "Light or dark",
        "Choose imagesor drop or paste them",
        "Say what to look for",
        "Search",
    ]
    assert [name.split()[0] for name in names[7:10]] == ["Hits", "Lowest", "Filter"]
    assert names[10:] == ["blue, details", "More like blue"]
    page.reload()
    expect(page.locator("#results li")).to_have_count(12)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_be_focused()
    assert "#" not in page.url, "a new address would ask anew and take the focus from the results"
    assert walk(page, 1) == ["blue, details"], "the link skips to the results"
