"""Writes streams.txt: a dialogue as zlib compresses it, at all levels, strategies, windows, and ways to flush.

Run it as: python3 streams.py > streams.txt
"""

import base64
import zlib

FLUSHES = {"partial": zlib.Z_PARTIAL_FLUSH, "sync": zlib.Z_SYNC_FLUSH, "full": zlib.Z_FULL_FLUSH}
STRATEGIES = {
    "default": zlib.Z_DEFAULT_STRATEGY, "filtered": zlib.Z_FILTERED, "huffman": zlib.Z_HUFFMAN_ONLY,
    "rle": zlib.Z_RLE, "fixed": zlib.Z_FIXED,
}
STEPS = [
    (1, "a NOOP\r\n"),
    (1, 'b SELECT "INBOX"\r\n'),
    (1, "c UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM TO DATE)])\r\n"),
    (1, "d UID STORE 17 +FLAGS.SILENT (\\Seen)\r\n"),
    (1, "e UID STORE 18 +FLAGS.SILENT (\\Seen)\r\n"),
    (3, "Subject: =?utf-8?B?2LPZhNin2YU=?= 0123456789 The quick brown fox jumps over the lazy dog. "),
    (1, "\u0641\u0631\u0648\u0634 \u00e9\u00ff~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./ZYXWVUTSRQPONMLKJIHGFEDCBA\r\n"),
    (700, "."),
    (1, "f LOGOUT\r\n"),
]
FAR = (40000, "\u06f1\u06f2x")  # so that copies wrap around the window

def stream(steps, level, strategy, bits, memory, flush):
    print("stream level=%d strategy=%s bits=%d memory=%d flush=%s" % (level, strategy, bits, memory, flush))
    z = zlib.compressobj(level, zlib.DEFLATED, -bits, memory, STRATEGIES[strategy])
    held = b""
    for n, text in steps:
        held += z.compress((text * n).encode())
        if flush != "finish":
            print(base64.b64encode(held + z.flush(FLUSHES[flush])).decode())
            held = b""
    print(base64.b64encode(held + z.flush()).decode())

def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n") + '"'

print("# zlib", zlib.ZLIB_RUNTIME_VERSION, "wrote the streams. Each line of one is what a step gives at once, the last is the end of the stream.")
for n, text in STEPS + [FAR]:
    print("step", n, quote(text))
for flush in FLUSHES:
    for level in range(10):
        stream(STEPS, level, "default", 15, 8, flush)
    for bits in range(9, 15):
        stream(STEPS, 6, "default", bits, 1, flush)
for strategy in STRATEGIES:
    stream(STEPS, 6, strategy, 15, 8, "partial")
    for level in (1, 9) if strategy == "huffman" else (1, 4, 9):
        stream(STEPS, level, strategy, 15, 9, "finish")
stream(STEPS + [FAR], 9, "default", 15, 8, "partial")
stream(STEPS + [FAR], 1, "default", 12, 8, "sync")
