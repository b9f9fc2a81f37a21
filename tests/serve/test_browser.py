"""The page in a real browser: Debian's chromium, driven by Playwright."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from zoo.serve.detector import Detector

pytestmark = pytest.mark.slow


class Squares(Detector):
    """Finds one thing, in the left half of every image."""

    def __init__(self) -> None:
        self.name = "squares"

    def find(self, pictures: list[Image.Image]) -> list[Any]:
        from zoo.serve.answers import Box, Boxes

        return [
            Boxes(
                width=p.width,
                height=p.height,
                detections=[Box(label="half", score=0.9, box=(0, 0, p.width / 2, p.height))],
            )
            for p in pictures
        ]


def settled(page: Page) -> None:
    """Wait until what was asked for last is what is shown."""
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def labels(page: Page) -> list[str]:
    settled(page)
    return page.locator("#results .name").all_inner_texts()


def test_a_person_finds_pictures(address: Callable[..., str], page: Page, photos: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    home = address()
    page.goto(home)
    expect(page.locator("#status")).to_have_text("12 items to look through")

    page.set_input_files("#file", photos / "red" / "1.png")
    expect(page.locator("#votes li")).to_contain_text("red")
    assert labels(page)[:4] == ["red"] * 4
    expect(page.locator("#results .score").first).to_have_text("1.000")
    assert "picture=" in page.url

    page.reload()
    expect(page.locator("#results .name").first).to_have_text("red")
    expect(page.locator("#preview")).to_be_visible()

    page.set_input_files("#file", photos / "blue" / "1.png")
    expect(page.locator("#results .name").first).to_have_text("blue")
    assert page.get_attribute("#preview", "src").startswith("blob:")  # type: ignore[union-attr]
    page.go_back()
    expect(page.locator("#results .name").first).to_have_text("red")
    assert page.get_attribute("#preview", "src").startswith("/api/pictures/")  # type: ignore[union-attr]

    page.fill("#text", "green things")
    page.press("#text", "Enter")
    expect(page.locator("#results .name").first).to_have_text("green")
    assert "text=green" in page.url

    page.click("#filters > summary")
    page.click("#advanced > summary")
    page.select_option("#column", "label")
    page.select_option("#operator", "<>")
    page.fill("#value", "green")
    page.click("#add")
    expect(page.locator("#status")).to_contain_text("8 hits")
    assert "green" not in labels(page)

    page.locator("#results .like").first.click()
    expect(page.locator("#asked-text")).to_contain_text("More like")
    assert len(set(labels(page)[:3])) == 1
    page.go_back()
    expect(page.locator("#asked-text")).to_have_text("“green things”")

    page.click("#unfilter")
    expect(page.locator("#status")).to_contain_text("12 hits")
    page.locator("#k").fill("3")
    expect(page.locator("#status")).to_contain_text("3 hits")
    page.locator("#threshold").fill("0.99")
    expect(page.locator("#results li")).not_to_have_count(12)
    assert all(url.startswith((home, "blob:")) for url in asked), "another host was asked"


def test_the_keyboard_suffices(address: Callable[..., str], page: Page) -> None:
    page.goto(address())
    expect(page.locator("#results li")).to_have_count(12)
    page.keyboard.press("/")
    page.keyboard.type("blue")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("12 hits")
    settled(page)
    expect(page.locator("#results .name").first).to_have_text("blue")
    page.locator("#results .open").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#results .open").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#details")).to_be_visible()
    expect(page.locator("#details-facts")).to_contain_text("year")
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select, img')].filter(e => !e.hidden"
        " && !(e.ariaLabel || e.alt || e.textContent.trim() || e.labels?.length"
        " || e.closest('dialog'))).map(e => e.outerHTML)"
    )
    assert unnamed == []


def test_what_goes_wrong_is_said_on_the_page(
    address: Callable[..., str], page: Page, photos: Path, idx: Path
) -> None:
    page.goto(address())
    expect(page.locator("#results li")).to_have_count(12)
    problem = page.locator("#problem")
    page.set_input_files("#file", photos / "red" / "0.png")
    expect(page.locator("#status")).to_contain_text("12 hits")
    found, asked = labels(page), page.url
    (photos / "notes.png").write_text("no image")
    page.set_input_files("#file", photos / "notes.png")
    expect(problem).to_contain_text("no image that can be read")
    assert (labels(page), page.url) == (found, asked), "an error loses nothing"
    expect(page.locator("#preview")).to_be_visible()
    page.click("#filters > summary")
    page.click("#advanced > summary")
    page.fill("#where", "nonsense = 1")
    page.press("#where", "Enter")
    expect(problem).to_contain_text("no such column: nonsense")
    assert labels(page) == found
    page.click("#unfilter")
    expect(problem).to_be_hidden()

    page.goto(page.url.split("?")[0] + "?picture=forgotten")
    expect(problem).to_contain_text("send it again")
    shutil.rmtree(idx)
    page.fill("#text", "red")
    page.press("#text", "Enter")
    expect(problem).to_contain_text("was removed while it was served")


def test_a_token_is_asked_for_once(address: Callable[..., str], page: Page) -> None:
    page.goto(address(token="a-token-long-enough"))
    expect(page.locator("#door")).to_be_visible()
    page.fill("#token", "wrong")
    page.press("#token", "Enter")
    expect(page.locator("#door-problem")).to_contain_text("wrong")
    page.fill("#token", "a-token-long-enough")
    page.press("#token", "Enter")
    expect(page.locator("#results li")).to_have_count(12)
    picture = page.locator("#results img").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0
    page.reload()
    expect(page.locator("#results li")).to_have_count(12)


def test_a_picture_handed_over_before_the_page_knows_its_index_is_not_lost(
    address: Callable[..., str], page: Page, tmp_path: Path
) -> None:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "red.png")
    held: list[Route] = []
    page.route("**/api/indexes", lambda route: held.append(route))
    with page.expect_request("**/api/indexes"):
        page.goto(address(), wait_until="commit")
    page.set_input_files("#file", tmp_path / "red.png")
    held[0].continue_()
    expect(page.locator("#status")).to_contain_text("hits in")


def test_boxes_are_drawn_and_searched(
    address: Callable[..., str], page: Page, tmp_path: Path
) -> None:
    both = Image.new("RGB", (40, 20), "lime")
    both.paste("red", (0, 0, 20, 20))
    both.save(tmp_path / "both.png")
    page.goto(address(detector=Squares()))
    page.set_input_files("#file", tmp_path / "both.png")
    box = page.locator("#boxes button")
    expect(box).to_have_text("half 0.90")
    box.click()
    expect(page.locator("#votes li").first).to_contain_text("red")
    expect(page.locator("#results .name").first).to_have_text("red")


def test_parts_are_asked_together_and_taken_out_again(
    address: Callable[..., str], page: Page, photos: Path
) -> None:
    page.goto(address())
    page.set_input_files("#file", [photos / "red" / "1.png", photos / "blue" / "1.png"])
    parts = page.locator("#parts button")
    expect(page.locator("#asked-text")).to_have_text("These 2 together")
    assert set(labels(page)[:4]) == {"red", "blue"}
    page.check("#more")
    page.fill("#text", "green")
    page.press("#text", "Enter")
    expect(parts).to_have_text(["image 1 ✕", "image 2 ✕", "“green” ✕"])
    page.locator("#results .like").first.click()
    expect(parts).to_have_count(4)
    page.reload()
    expect(parts).to_have_count(4)
    for _ in range(3):
        count = parts.count()
        parts.first.click()
        expect(parts).to_have_count(count - 1 if count > 2 else 0)
    expect(page.locator("#asked-text")).to_have_text("“green”")


def test_chips_say_how_many_and_filter(address: Callable[..., str], page: Page) -> None:
    page.goto(address())
    page.click("#filters > summary")
    chips = page.locator("#columns fieldset").first.locator(".chip")
    expect(chips).to_have_text(["blue 4", "green 4", "red 4"])
    chips.nth(0).click()
    expect(page.locator("#status")).to_have_text("4 items to look through")
    chips.nth(2).click()
    expect(page.locator("#status")).to_have_text("8 items to look through")
    year = page.locator("#columns .chip", has_text="2003")
    year.click()
    expect(page.locator("#status")).to_have_text("1 item to look through")
    assert labels(page) == ["blue"]
    page.reload()
    expect(page.locator("#active .chip")).to_have_text(
        ["label: blue ✕", "label: red ✕", "year: 2003 ✕"]
    )
    page.locator("#active .chip").nth(2).click()
    expect(page.locator("#status")).to_have_text("8 items to look through")
    page.click("#unfilter")
    expect(page.locator("#status")).to_have_text("12 items to look through")


def test_the_lightbox_goes_on_and_back_and_opens_the_original(
    address: Callable[..., str], page: Page
) -> None:
    page.goto(address())
    page.locator("#results .open").nth(1).click()
    place = page.locator("#details-place")
    expect(place).to_have_text("2 of 12")
    page.click("#details-after")
    expect(place).to_have_text("3 of 12")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#details-before")).to_be_disabled()
    expect(place).to_have_text("1 of 12")
    with page.expect_popup() as opened:
        page.click("#details-original")
    assert opened.value.evaluate("document.images[0].naturalWidth") > 0
    page.bring_to_front()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator("#results .open").nth(1)).to_be_focused()


def test_a_model_of_images_alone_has_a_reason_in_place_of_the_text_field(
    address: Callable[..., str], page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.serve.encoder import Encoder

    monkeypatch.setattr(Encoder, "no_text", "It was trained on images alone.")
    page.goto(address())
    expect(page.locator("#no-text")).to_have_text("It was trained on images alone.")
    expect(page.locator("#text")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (800, 900), (1280, 900)])
def test_the_page_fits_and_hits_start_within_the_first_screen(
    address: Callable[..., str], page: Page, photos: Path, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address())
    page.set_input_files("#file", photos / "red" / "1.png")
    first = page.locator("#results li").first
    expect(page.locator("#status")).to_contain_text("12 hits")
    assert first.evaluate("e => e.getBoundingClientRect().top") < height * 0.8
    page.click("#filters > summary")
    page.click("#advanced > summary")
    page.locator("#columns .chip").first.wait_for()
    assert fits(page)
    first.locator(".open").click()
    assert fits(page)


@pytest.mark.parametrize("width", [390, 800, 1280, 1600])
def test_a_report_fits_every_screen(page: Page, width: int) -> None:
    from zoo import report

    header = ["loss", "R@1", "mAP@R", "H-AP", "NDCG", "gap", "s/step", "MB", "learning rate, own"]
    row = ["recall_at_k", *["100.0\u00a0±\u00a00.0 ★"] * 4, "0.1", "0.2", "300", "lr 2.5e-05"]
    table = report.table(header, [row, row])
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(
        report.page("a", "b", table, report.commands(["rankzoo compare " + "x" * 300]))
    )
    assert fits(page)
    assert page.locator("td").last.bounding_box()["x"] < width  # type: ignore[index]


def fits(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
