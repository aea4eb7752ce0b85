"""Line plots as SVG, with a logarithmic x axis."""

import math

WIDTH, HEIGHT = 360, 260  # of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 34, 44
# Of the two lines: color, and where at the bottom its name stands.
KEYS = (("#0b62a4", LEFT, "start"), ("#c8571b", WIDTH - RIGHT, "end"))


def nice(top):
    """The next of 1, 2, 5 times a power of ten that is not below top."""
    power = 10 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= top)


def text(x, y, words, anchor="middle", color="#333"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def panel(title, x_title, lines, offset):
    """lines: a name and its (x, y) points each. Both axes begin at their least."""
    xs = sorted({x for _, points in lines for x, _ in points})
    top = nice(max(y for _, points in lines for _, y in points) or 1)
    low, high = math.log10(xs[0]), math.log10(xs[-1])

    def place(x, y):
        across = (math.log10(x) - low) / (high - low)
        return (offset + LEFT + across * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM))

    parts = [text(offset + WIDTH / 2, 18, title),
             text(offset + WIDTH / 2, HEIGHT - 8, x_title)]
    for step in range(5):
        y = top * step / 4
        (x1, at), (x2, _) = place(xs[0], y), place(xs[-1], y)
        parts.append(f'<path d="M{x1:.0f} {at:.1f}H{x2:.0f}" stroke="#ddd"/>')
        parts.append(text(x1 - 6, at + 4, f"{y:g}", "end"))
    for x in xs:
        parts.append(text(place(x, 0)[0], HEIGHT - BOTTOM + 16, f"{x:,}"))
    for (color, x, anchor), (name, points) in zip(KEYS, lines):
        places = [place(x, y) for x, y in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
        parts.append(text(offset + x, HEIGHT - 8, name, anchor, color))
    return parts


def two_panels(titles, x_title, figures):
    """One panel beside the other; figures has the lines of each."""
    parts = [part for i, (title, lines) in enumerate(zip(titles, figures))
             for part in panel(title, x_title, lines, i * WIDTH)]
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
            f'width="{2 * WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')
