"""Lays settings over a sample INI file, line by line, so that the sample's comments stay."""

import re

SECTION = re.compile(r"\[([^\]]*)\]")
KEY = re.compile(r"([^=:#;\s][^=:]*?)\s*[=:]")


def entries(text):
    """Yields (section, key, lines): key None for anything but a key and its continuations."""
    section, key, lines = None, None, []
    for line in text.splitlines():
        if line[:1].isspace() and line.strip() and key is not None:
            lines.append(line)
            continue
        if lines:
            yield section, key, lines
        key, lines = None, [line]
        if found := SECTION.match(line):
            section = found[1]
        elif found := KEY.match(line):
            key = found[1]
    if lines:
        yield section, key, lines


def lay_over(sample, overrides):
    """The sample's text with every key that overrides sets in place of its own."""
    sections, order = {}, []

    def lines_of(section):
        if section not in sections:
            sections[section] = []
            order.append(section)
        return sections[section]

    for section, key, lines in entries(sample):
        lines_of(section).append((key, lines))

    replaced = {}
    for section, key, lines in entries(overrides):
        if section not in sections:
            lines_of(section).append((None, ["", f"[{section}]"]))
        if key is not None:
            replaced.setdefault((section, key), []).extend(lines)
        elif not SECTION.match(lines[0]) and lines[0].strip():
            # A comment, or a line that is a mistake: the settings' own reader judges it.
            lines_of(section).append((None, lines))
    for (section, key), lines in replaced.items():
        where = sections[section]
        at = next((i for i, entry in enumerate(where) if entry[0] == key), None)
        if at is None:
            # Behind the last key, not behind the comment that heads the next section.
            at = 1 + max(i for i, entry in enumerate(where)
                         if entry[0] is not None or i == 0 or SECTION.match(entry[1][-1]))
        kept = [entry for entry in where[:at] if entry[0] != key]
        rest = [entry for entry in where[at:] if entry[0] != key]
        sections[section] = [*kept, (key, lines), *rest]
    return "\n".join(line for name in order for _, lines in sections[name] for line in lines) + "\n"
