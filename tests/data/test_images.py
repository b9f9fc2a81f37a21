import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.images import check_image, open_image
from zoo.errors import DataError

Draw = Callable[..., Path]


def test_a_plain_photo_keeps_its_pixels(draw: Draw) -> None:
    path = draw("a.png")
    assert np.array_equal(np.asarray(open_image(path)), np.asarray(Image.open(path)))


def test_a_rotated_photo_is_turned_upright(draw: Draw, tmp_path: Path) -> None:
    upright = Image.open(draw("a.png"))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn by 90 degrees to see it upright
    upright.rotate(90, expand=True).save(tmp_path / "b.png", exif=exif)
    assert np.array_equal(np.asarray(open_image(tmp_path / "b.png")), np.asarray(upright))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16", "I"])
def test_every_pixel_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    suffix = "jpg" if mode == "CMYK" else "tif" if mode in ("PA", "I") else "png"
    image = Image.new(mode, (9, 7), 65535 if mode.startswith("I") else 0)
    path = tmp_path / f"a.{suffix}"
    image.save(path)
    assert open_image(path).mode == "RGB"


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).reshape(16, 16)
    Image.fromarray(np.rint(ramp).astype(np.uint16)).save(tmp_path / "a.png")
    grey = np.asarray(open_image(tmp_path / "a.png"))[..., 0]
    assert np.array_equal(grey.reshape(-1), np.arange(256))


def test_cmyk_ink_becomes_the_colour_it_prints(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg")  # magenta + yellow: red
    red = np.asarray(open_image(tmp_path / "a.jpg"))[8, 8]
    assert red[0] > 240
    assert max(red[1], red[2]) < 15


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert np.asarray(open_image(tmp_path / "a.png")).min() == 255


def test_a_large_jpeg_is_decoded_small_but_never_below_the_size_asked(draw: Draw) -> None:
    path = draw("a.jpg", size=(800, 400))
    assert open_image(path).size == (800, 400)
    assert open_image(path, size=100).size == (200, 100)
    assert open_image(path, size=101).size == (400, 200)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp", "a.tif"])
def test_a_whole_image_passes_and_its_first_half_does_not(draw: Draw, name: str) -> None:
    path = draw(name, size=(64, 64))
    check_image(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=name):
        check_image(path)
    with pytest.raises(DataError, match=name):
        open_image(path)


def test_a_jpeg_followed_by_other_bytes_is_still_whole(draw: Draw) -> None:
    path = draw("a.jpg")
    path.write_bytes(path.read_bytes() + b"camera maker's notes")
    check_image(path)


def test_a_text_file_named_jpg_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("<html>404</html>")
    with pytest.raises(DataError, match=r"a\.jpg: not an image"):
        open_image(tmp_path / "a.jpg")


def test_a_image_in_a_format_that_runs_programs_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", "EPS")
    with pytest.raises(DataError, match=r"a\.jpg: not an image"):
        open_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp", "a.tif"])
def test_damaged_bytes_give_an_image_or_an_error_that_names_it(draw: Draw, name: str) -> None:
    path = draw(name, size=(32, 32))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = whole.copy()
        damaged[rng.integers(len(whole), size=8)] = rng.integers(256, size=8)
        path.write_bytes(damaged.tobytes())
        try:
            assert open_image(path, size=16).mode == "RGB"
        except DataError as error:
            assert name in str(error)  # noqa: PT017 (either outcome is right)
            refused += 1
    assert refused > 0


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jpg: no such file"):
        open_image(tmp_path / "gone.jpg")


def test_a_huge_image_is_refused_before_it_takes_memory(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for size in ((40, 40), (400, 400)):  # Pillow warns at the first, raises at the second
        with pytest.raises(DataError, match="too many pixels") as error:
            open_image(draw("a.png", size=size))
        assert "scale it below" in error.value.hint


def test_float_pixels_are_refused(tmp_path: Path) -> None:
    Image.new("F", (4, 4), 0.5).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="floating-point"):
        open_image(tmp_path / "a.tif")


def test_a_file_without_read_permission_is_named(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    path = draw("a.jpg")
    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(DataError, match=r"a\.jpg: no permission"):
        open_image(path)
