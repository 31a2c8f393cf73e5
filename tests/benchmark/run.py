"""Measure speed and memory: ``python tests/benchmark/run.py --help``."""

from suite import main

if __name__ == "__main__":
    main()
