"""A loss curve as a PNG without any library: steps to the right, loss upwards in logarithmic scale; answers dark, the rest grey."""
import math, struct, zlib


def curves(path, curve, width=700, height=400, edge=20):
    pixels = [bytearray(b"\xff" * 3 * width) for _ in range(height)]

    def dot(x, y, colour):
        for i in (0, 1):
            if 0 <= x < width and 0 <= y + i < height: pixels[y + i][3 * x:3 * x + 3] = bytes(colour)

    if len(curve) > 1:
        values = [math.log10(max(1e-5, v)) for c in curve for v in c[1:]]
        low, high, last = math.floor(min(values)), math.ceil(max(values)), curve[-1][0]
        place = lambda step, v: (edge + int((width - 2 * edge) * step / last), edge + int((height - 2 * edge) * (high - v) / max(1, high - low)))
        for power in range(low, high + 1):  # a line at each power of ten
            for x in range(edge, width - edge): dot(x, place(0, power)[1], (225, 225, 225))
        for column, colour in ((2, (150, 150, 150)), (1, (20, 60, 160))):
            points = [place(c[0], math.log10(max(1e-5, c[column]))) for c in curve]
            for (x, y), (u, v) in zip(points, points[1:]):
                for i in range(max(abs(u - x), abs(v - y), 1) + 1): dot(x + (u - x) * i // max(abs(u - x), abs(v - y), 1), y + (v - y) * i // max(abs(u - x), abs(v - y), 1), colour)

    def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + p for p in pixels))) + chunk(b"IEND", b""))
