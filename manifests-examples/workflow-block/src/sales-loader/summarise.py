"""One line a shop: the sum, average or count of its sales."""

import csv
import os
import statistics
from collections import defaultdict

WAYS = {"SUM": sum, "AVG": statistics.fmean, "COUNT": len}

source, target = os.environ.get("file_names", "input.csv,output.csv").split(",")[:2]
by_shop = defaultdict(list)
with open(source, newline="") as file:
    for row in csv.DictReader(file):
        by_shop[row["shop"]].append(float(row["amount"]))

put_together = WAYS[os.environ.get("agg_type", "SUM")]
with open(target, "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["shop", "amount"])
    writer.writerows((shop, put_together(amounts)) for shop, amounts in sorted(by_shop.items()))
