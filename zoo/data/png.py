"""PNG's chunks, looked at before Pillow reads them."""

import io
import os
import zlib

File = io.BufferedReader | io.BytesIO
SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A million empty chunks are 12 MB and take Pillow 7 s; libpng writes pixels in pieces of 8 KiB.
MANY = 1000
SMALLEST = 512


def refuse_chunk_flood(file: File) -> None:
    """Raise when a PNG's first thousand chunks are tiny on average; leave the file at its start.

    The chunks behind the pixels count too. Other files pass.

    Raises:
        ValueError: it would take minutes to read and hold next to no pixels.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    found = size > 12 * MANY and file.read(8) == SIGNATURE and _floods(file, size)
    file.seek(0)
    if found:
        raise ValueError(f"a PNG of thousands of chunks below {SMALLEST} bytes each")


def refuse_wrong_sums(file: File) -> None:
    """Raise when a PNG's pixels are not what their checksums say; leave the file at its start.

    Pillow checks every chunk's sum but those of the pixels: of 200 flipped bits 19 gave other
    pixels without a word. Other files pass, and so does a cut one: decoding it fails anyway.

    Raises:
        ValueError: a chunk of pixels is damaged.
    """
    file.seek(0)
    if file.read(len(SIGNATURE)) == SIGNATURE:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind != b"IDAT":
                file.seek(size + 4, os.SEEK_CUR)
                continue
            content, stored = file.read(size), file.read(4)
            if len(stored) == 4 and zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(
                stored, "big"
            ):
                raise ValueError("the pixels of this PNG are not what their checksum says")
    file.seek(0)


def _floods(file: File, size: int) -> bool:
    count, start, place = 0, 8, 8
    while place + 8 <= size:
        file.seek(place)
        head = file.read(4)
        place += 12 + int.from_bytes(head, "big")
        count += 1
        if count == MANY:
            if place - start < MANY * SMALLEST:
                return True
            count, start = 0, place
    return False
