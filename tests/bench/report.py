"""Medians, targets and whether they are met: what the benchmarks print."""

import statistics

NOISY = 0.25  # of the median, between the quartiles


def median(values):
    return statistics.median(values)


def is_noisy(*series):
    """Whether any of these spreads too far, or is too short, to tell."""
    for values in series:
        if len(values) < 3:
            return True
        if median(values) == 0:
            continue
        low, _, high = statistics.quantiles(values, n=4)
        if (high - low) / median(values) > NOISY:
            return True
    return False


class Target:
    """A bound: "at most" or "at least"."""

    def __init__(self, value, unit="", at_least=False):
        self.value, self.unit, self.at_least = value, unit, at_least

    def __str__(self):
        unit = f" {self.unit}" if self.unit not in ("", "x") else self.unit
        return f"{'≥' if self.at_least else '≤'} {self.value:,g}{unit}"

    def verdict(self, figure):
        met = figure >= self.value if self.at_least else figure <= self.value
        if met:
            return "met"
        return f"missed by {abs(figure - self.value) / self.value * 100:.0f} %"


class Report:
    """Prints a line a measure, and at the end all that have a target as a table."""

    def __init__(self):
        self.rows = []

    def section(self, title):
        print(f"\n{title}", flush=True)

    def say(self, text):
        """A line without a target."""
        print(f"  {text}", flush=True)

    def measure(self, name, figure, unit, target, detail="", noisy=False):
        """A figure with its target; detail says what it is made of."""
        verdict = target.verdict(figure) + (" (noisy)" if noisy else "")
        text = f"{figure:,.{digits(figure)}f}{'' if unit in ('', 'x') else ' '}{unit}"
        self.rows.append((name, text, str(target), verdict))
        line = f"  {name:48} {text:>14}  {str(target):>12}  {verdict}"
        print(line + (f"\n      {detail}" if detail else ""), flush=True)

    def table(self):
        """For README.md in this folder."""
        print("\n| measure | figure | target | |\n|---|---:|---:|---|")
        for row in self.rows:
            print(f"| {' | '.join(row)} |")


def digits(figure):
    """So many behind the point that about three count."""
    return 0 if abs(figure) >= 100 else 1 if abs(figure) >= 10 else 2
