"""The demand of tomorrow: the average of the last seven days."""

import os
import statistics
import sys

sold = [float(line) for line in sys.stdin if line.strip()]
print(os.environ["SUBJECT"], round(statistics.fmean(sold[-7:] or [0.0]), 1))
