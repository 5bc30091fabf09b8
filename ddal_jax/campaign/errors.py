"""What is no bad input and no failure, and yet ends a command."""


class NothingLeft(RuntimeError):
    """There is nothing left to do."""
