"""One table from the delivery lists of all suppliers: shop, product, pieces."""

import csv
from collections import Counter
from pathlib import Path

pieces = Counter()
for path in sorted(Path("deliveries").glob("*.csv")):
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            pieces[row["shop"].strip(), row["product"].strip().lower()] += int(row["pieces"])
with open("stock.csv", "w", newline="") as file:
    csv.writer(file).writerows((shop, product, n) for (shop, product), n in sorted(pieces.items()))
