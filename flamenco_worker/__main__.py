"""`python -m flamenco_worker`."""

from flamenco_worker.cli import main

if __name__ == "__main__":
    main()
