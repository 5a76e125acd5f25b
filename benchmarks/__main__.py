"""`make bench`: every benchmark, one after the other."""

from benchmarks import board, custody, ingest

if __name__ == "__main__":
    ingest.main()
    custody.main()
    board.main()
