"""Scores the customers of one segment."""

import argparse
import csv

from churn import likelihood

parser = argparse.ArgumentParser()
parser.add_argument("--segment", required=True)
parser.add_argument("--days", type=int, required=True)
options = parser.parse_args()

with open("customers.csv", newline="") as source, open(f"{options.segment}.csv", "w") as target:
    for row in csv.DictReader(source):
        if row["segment"] == options.segment:
            score = likelihood(float(row["days_since_order"]), options.days)
            print(row["customer"], f"{score:.3f}", sep=",", file=target)
