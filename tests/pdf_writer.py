"""A PDF with a text layer in thirty lines, for tests: one font, uncompressed, every object where a test can find it."""

from collections.abc import Sequence

Placed = tuple[float, float, float, str]
"""Left edge and baseline in points from the page's lower left corner, size of the font, and the words."""


def column(*lines: str, top: float = 760, left: float = 72, size: float = 11, pitch: float = 14) -> list[Placed]:
    """Lines below each other; an empty one leaves the space of half a line."""
    placed, y = [], top
    for line in lines:
        if line:
            placed.append((left, y, size, line))
        y -= pitch if line else pitch * 0.6
    return placed


def write_pdf(pages: Sequence[Sequence[Placed]], info: str = "", xmp: str = "", trailer: str = "") -> bytes:
    """The file. `info` is the inside of the information dictionary, `trailer` more entries of the trailer, both in PDF syntax."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        f"<</Type/Catalog/Pages 2 0 R{'/Metadata 4 0 R' if xmp else ''}>>".encode(),
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        f"<</Type/Metadata/Subtype/XML/Length {len(xmp.encode())}>>\nstream\n{xmp}\nendstream".encode(),
    ]
    for number, page in enumerate(pages):
        words = b"\n".join(f"BT /F1 {size} Tf {x} {y} Td (".encode() + _escaped(text) + b") Tj ET" for x, y, size, text in page)
        content = f"{6 + 2 * number} 0 R"
        bodies.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {content}>>".encode())
        bodies.append(f"<</Length {len(words)}>>\nstream\n".encode() + words + b"\nendstream")
    bodies.append(f"<<{info}>>".encode("latin-1"))
    data, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(data)
    data += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode() + b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    data += f"trailer\n<</Size {len(bodies) + 1}/Root 1 0 R/Info {len(bodies)} 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(data)


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
