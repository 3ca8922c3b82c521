"""The picture that the README shows: bars side by side, in the colours of a light or a dark page."""

from figures import shown

COLOURS = {"floor, bare": "#b9c0c8", "floor": "#8b949e", "pam_totp": "#2f81f7", "pam_google_authenticator": "#d98b2b",
           "pam_oath": "#a371b7"}
WIDTH, LABELS, LINE, GAP, MARGIN = 860, 210, 22, 34, 16


class Chart:
    """Groups of bars, each with the medians of one measurement, in microseconds."""

    def __init__(self):
        self._groups = []

    def add(self, title, spreads):
        self._groups.append((title, spreads))

    def __bool__(self):
        return bool(self._groups)

    def _bar(self, name, spread, y, scale):
        low, middle, high = (LABELS + value * scale for value in spread)
        return [
            f'<text x="{LABELS - 8}" y="{y + 15}" text-anchor="end">{name}</text>',
            f'<rect x="{LABELS}" y="{y + 3}" width="{middle - LABELS:.1f}" height="{LINE - 6}" '
            f'fill="{COLOURS[name]}"/>',
            f'<path d="M{low:.1f} {y + 11}H{high:.1f}" class="spread"/>',
            f'<text x="{max(middle, high) + 8:.1f}" y="{y + 15}">{shown(spread.middle)} µs</text>']

    def _group(self, title, spreads, y):
        widest = max(spread.high for spread in spreads.values())
        scale = (WIDTH - LABELS - 110) / widest
        lines = [f'<text x="{MARGIN}" y="{y + 14}" class="title">{title}</text>']
        for row, (name, spread) in enumerate(spreads.items(), 1):
            lines += self._bar(name, spread, y + row * LINE, scale)
        return lines

    def svg(self):
        y, lines = MARGIN, []
        for title, spreads in self._groups:
            lines += self._group(title, spreads, y)
            y += (len(spreads) + 1) * LINE + GAP
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
            'font-family="sans-serif" font-size="13" role="img" aria-label="What a login costs">',
            "<style>text{fill:#1f2328}.title{font-weight:bold}.spread{stroke:#1f2328;stroke-width:1.5}"
            "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.spread{stroke:#e6edf3}}</style>",
            *lines, "</svg>", ""])
