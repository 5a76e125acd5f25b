"""`make bench`: every benchmark, one after the other."""

from benchmarks import board, custody, encounters, ingest, statistics

if __name__ == "__main__":
    ingest.main()
    custody.main()
    board.main()
    encounters.main()
    statistics.main()
