"""`make bench`: every benchmark, one after the other."""

from benchmarks import custody, encounters, ingest, statistics

if __name__ == "__main__":
    ingest.main()
    custody.main()
    encounters.main()
    statistics.main()
