"""Facts read off a compiled program."""

import re


def longest_sort(program):
    """Length of the longest axis that a compiled program sorts; 0 if it sorts nothing."""
    longest = 0
    for line in program.as_text().splitlines():
        if " sort(" not in line:
            continue
        shape = re.search(r"\w+\[([\d,]+)\]", line.split(" sort(")[0])[1].split(",")
        axis = int(re.search(r"dimensions=\{(\d+)\}", line)[1])
        longest = max(longest, int(shape[axis]))
    return longest


def temporary_bytes(program):
    """Peak memory beside arguments and results."""
    return program.memory_analysis().temp_size_in_bytes
