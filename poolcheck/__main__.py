"""`python -m poolcheck`."""

from poolcheck.cli import main

if __name__ == "__main__":
    main()
