import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.data.images import check_image, decode_image, image_size, open_image, ready_image
from zoo.errors import DataError, UsageError

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


ORIENTATION = (0x112, 3, 1, struct.pack("<HH", 6, 0))


def exif(*tags: tuple[int, int, int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HHI", *head) + value for *head, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + b"\0" * 4


def with_exif(path: Path, block: bytes) -> None:
    raw, block = path.read_bytes(), b"Exif\0\0" + block
    path.write_bytes(raw[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + raw[2:])


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_of_the_eight_orientations_is_undone(
    orientation: int, draw: Draw, tmp_path: Path
) -> None:
    stored = Image.open(draw("a.png"))
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored.save(tmp_path / "b.png", exif=tags)
    pixels = np.asarray(stored)
    upright = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1]}
    across = pixels.swapaxes(0, 1)
    upright |= {5: across, 6: across[:, ::-1], 7: across[::-1, ::-1], 8: across[::-1]}
    assert np.array_equal(np.asarray(open_image(tmp_path / "b.png")), upright[orientation])
    height, width = upright[orientation].shape[:2]
    assert image_size(tmp_path / "b.png") == check_image(tmp_path / "b.png") == (width, height)


@pytest.mark.filterwarnings(
    "ignore:.*(EXIF|File Read|Metadata):UserWarning"
)  # as zoo.data.images does
@pytest.mark.parametrize(
    "odd",
    [
        (0x11A, 2, 4, b"72\0\0"),  # a resolution that is text
        (0x11A, 5, 1, struct.pack("<I", 9999)),  # one that lies behind the end
        (0x100, 9, 1, struct.pack("<i", -5)),
        (0x8769, 4, 1, struct.pack("<I", 8)),  # a directory that is its own
        (0x112, 3, 1, struct.pack("<HH", 6, 0)),  # the orientation twice
    ],
)
def test_odd_metadata_leaves_the_orientation_readable(
    odd: tuple[int, int, int, bytes], draw: Draw
) -> None:
    path = draw("a.jpg", size=(24, 16))
    with_exif(path, exif(ORIENTATION, odd))
    assert open_image(path).size == (16, 24)


@pytest.mark.filterwarnings(
    "ignore:.*(EXIF|File Read|Metadata):UserWarning"
)  # as zoo.data.images does
@pytest.mark.parametrize(
    "block", [b"", b"garbage", b"II*\0\xff\xff\xff\xff", exif(ORIENTATION)[:15]]
)
def test_metadata_that_is_damaged_is_none(block: bytes, draw: Draw) -> None:
    path = draw("a.jpg", size=(24, 16))
    with_exif(path, block)
    assert open_image(path).size == (24, 16)
    check_image(path, decode=True)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(value: int, draw: Draw) -> None:
    path = draw("a.jpg", size=(24, 16))
    with_exif(path, exif((0x112, 3, 1, struct.pack("<HH", value, 0))))
    assert open_image(path).size == (24, 16)


def test_avif_is_read(draw: Draw) -> None:
    path = draw("a.avif", size=(32, 16))
    check_image(path)
    assert open_image(path).size == (32, 16)


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (101, 1), (2000, 19)])
def test_a_thin_image_is_refused_before_it_is_decoded(
    size: tuple[int, int], tmp_path: Path
) -> None:
    image = Image.new("RGB", size)
    image.save(tmp_path / "a.png")
    for read in (open_image, check_image, image_size, ready_image):
        with pytest.raises(DataError, match=r"a\.png: too thin: \d+ x \d+"):
            read(tmp_path / "a.png")
    with pytest.raises(DataError, match="too thin"):
        ready_image(image)
    with pytest.raises(DataError, match="too thin"):
        decode_image((tmp_path / "a.png").read_bytes(), "sent", 10**6)


def test_an_image_a_hundred_times_as_long_as_wide_is_read(tmp_path: Path) -> None:
    Image.new("RGB", (300, 3)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png").size == (300, 3)


@pytest.mark.parametrize("kind", [b"abCd", b"tEXt", b"IDAT", b"zTXt"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_flood_of_png_chunks_is_one_line(kind: bytes, behind: bool, draw: Draw) -> None:
    path = draw("a.png")
    raw = path.read_bytes()
    at = len(raw) - 12 if behind else 33
    path.write_bytes(raw[:at] + png_chunk(kind, b"a\0b") * 5000 + raw[at:])
    for read in (open_image, check_image):
        with pytest.raises(DataError, match=r"a\.png: a PNG of thousands of chunks"):
            read(path)


def test_a_large_png_has_many_chunks_and_is_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", compress_level=0)
    pieces = (tmp_path / "a.png").read_bytes().count(b"IDAT")
    assert pieces > 100
    check_image(tmp_path / "a.png")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for read in (open_image, check_image, image_size):
        with pytest.raises(DataError, match=r"a\.png: a pipe, device or socket"):
            read(tmp_path / "a.png")


def test_a_device_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"zero\.png: a pipe, device or socket"):
        open_image(tmp_path / "zero.png")
    with pytest.raises(DataError, match="is a folder, not an image"):
        open_image(tmp_path)


def test_an_image_in_memory_may_have_any_mode() -> None:
    see_through = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.asarray(ready_image(see_through)).min() == 255
    assert ready_image(Image.new("I;16", (4, 4), 65535)).getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(DataError, match="floating-point"):
        ready_image(Image.new("F", (4, 4)))


def test_what_is_no_image_and_no_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Types are checked while the tests run, but not at a user's.
    unchecked: Any = getattr(ready_image, "__wrapped__", ready_image)
    for other in (3, None, np.zeros((4, 4, 3)), b"x.png"):
        with pytest.raises(UsageError, match=f"not an image: {type(other).__name__}"):
            unchecked(other)
    Image.new("RGB", (4, 4), "red").save(tmp_path / "red.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ready_image("~/red.png").getpixel((0, 0)) == (255, 0, 0)


def cut_inside(path: Path, tail: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + whole[len(whole) - tail :])


@pytest.mark.parametrize(("name", "tail"), [("a.gif", 1), ("a.png", 12)])
def test_what_is_cut_in_the_middle_is_found_by_decoding(name: str, tail: int, draw: Draw) -> None:
    path = draw(name, size=(64, 64))
    cut_inside(path, tail)
    if name == "a.gif":
        check_image(path)  # its head and its end are whole
    with pytest.raises(DataError, match=name):
        check_image(path, decode=True)
    with pytest.raises(DataError, match=name):
        open_image(path)


def pixels_of(content: bytes) -> tuple[int, int]:
    """Return where the compressed pixels of a PNG of one chunk begin and end."""
    start = content.index(b"IDAT") + 4
    return start, start + int.from_bytes(content[start - 8 : start - 4], "big")


def refused_everywhere(path: Path) -> bool:
    """Whether every reader of the file refuses it."""
    for read in (open_image, lambda path: check_image(path, decode=True), check_image):
        with pytest.raises(DataError, match=path.name):
            read(path)
    with pytest.raises(DataError, match="sent"):
        decode_image(path.read_bytes(), "sent", 10**6)
    return True


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_flipped_bit_among_the_pixels_of_a_png_is_seen(mode: str, draw: Draw) -> None:
    path = draw("a.png", size=(16, 16))
    Image.open(path).convert(mode).save(path)
    whole = path.read_bytes()
    start, end = pixels_of(whole)
    for place in range(start, end, 5):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert refused_everywhere(path), place


def test_pixels_that_end_too_early_are_seen_though_their_checksum_is_right(draw: Draw) -> None:
    path = draw("a.png", size=(64, 64))
    whole = path.read_bytes()
    start, end = pixels_of(whole)
    packed = zlib.compress(zlib.decompress(whole[start:end])[:1000])
    chunk = b"IDAT" + packed
    size, check = struct.pack(">I", len(packed)), struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(whole[: start - 8] + size + chunk + check + whole[end + 4 :])
    assert refused_everywhere(path)
