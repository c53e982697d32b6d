"""Prints what will run out within a week at the pace of the last one."""

import csv

with open("stock.csv", newline="") as file:
    stock = {(shop, product): int(pieces) for shop, product, pieces in csv.reader(file)}
with open("sold.csv", newline="") as file:
    sold = {(shop, product): int(pieces) for shop, product, pieces in csv.reader(file)}
for (shop, product), pieces in sorted(stock.items()):
    if pieces < sold.get((shop, product), 0):
        print(f"shop {shop}: {product}, {pieces} left")
