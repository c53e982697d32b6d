"""Reads the sales of one region, drops what is not a sale, writes the rest."""

import argparse
import os
from pathlib import Path

import pandas

parser = argparse.ArgumentParser()
parser.add_argument("--region", default="all")
region = parser.parse_args().region

source, target = os.environ.get("file_names", "input.csv,output.csv").split(",")[:2]
sales = pandas.read_csv(source, parse_dates=["day"])
if region != "all":
    sales = sales[sales["region"] == region]
for _ in range(int(os.environ.get("num_iterations", "10"))):
    before = len(sales)
    sales = sales[sales["amount"].between(0, sales["amount"].quantile(0.999))]
    if len(sales) == before:
        break
sales.to_csv(target, index=False)
Path("rows.txt").write_text(str(len(sales)))
