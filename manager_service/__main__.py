"""`python -m manager_service`."""

import sys

from manager_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
