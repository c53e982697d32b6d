"""What `make bench` measures: figures of peakctl beside floors that do the same with less."""
