"""`python -m ddal_jax` is the `ddal` command."""

import sys

from ddal_jax.cli import main

sys.exit(main())
