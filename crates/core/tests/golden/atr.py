"""Writes atr-walk.csv and atr-jump.csv: bars in integer ticks and what TA-Lib says of them.

Run with a Python that has TA-Lib and numpy, from this folder: python atr.py
"""

import random

import numpy
import talib


def walk(seed: int, count: int) -> list[tuple[int, int, int]]:
    """A random walk from 58,800.00 with a gap in one bar of five."""
    rng = random.Random(seed)
    close, bars = 5_880_000, []
    for _ in range(count):
        gap = rng.randint(-60_000, 60_000) if rng.random() < 0.2 else 0
        start = close + gap
        path = [start]
        for _ in range(12):
            path.append(path[-1] + rng.randint(-4_000, 4_000))
        close = path[-1]
        bars.append((max(path), min(path), close))
    return bars


def jump() -> list[tuple[int, int, int]]:
    """100 bars at one price, a jump by 50,000 ticks, then 100 narrow bars at the new price."""
    flat = [(100_000, 100_000, 100_000)] * 100
    return flat + [(150_000 + 15, 150_000 - 15, 150_000)] * 100


def write(name: str, how: str, bars: list[tuple[int, int, int]]) -> None:
    high, low, close = (numpy.array(column, dtype=numpy.float64) for column in zip(*bars))
    averages = [talib.ATR(high, low, close, timeperiod=period) for period in (14, 7)]
    with open(name, "w", newline="\n") as file:
        file.write(f"# {how}\n")
        library = talib.__ta_version__.decode().split()[0]
        file.write(f"# Made by atr.py with TA-Lib {library} (Python package {talib.__version__}, numpy {numpy.__version__}).\n")
        file.write("# Prices in integer ticks; atr = talib.ATR(high, low, close, timeperiod), repr of the double, in ticks.\n")
        file.write("high,low,close,atr14,atr7\n")
        for bar, *values in zip(bars, *averages):
            texts = ["" if numpy.isnan(value) else repr(float(value)) for value in values]
            file.write(",".join([*map(str, bar), *texts]) + "\n")


write("atr-walk.csv", "Random walk with gaps, random.Random(20240607), 400 bars.", walk(20240607, 400))
write("atr-jump.csv", "100 flat bars, a jump of 50,000 ticks, 100 narrow bars.", jump())
