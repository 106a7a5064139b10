"""`python -m hostgw_tui`."""

import sys

from hostgw_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
