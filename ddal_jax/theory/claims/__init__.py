"""What the paper claims, each claim measured and judged by a rule stated beside it."""
