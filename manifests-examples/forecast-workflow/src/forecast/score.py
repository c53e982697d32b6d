"""Writes the forecast of the coming days."""

import argparse
import os

import pandas
from model import Model

parser = argparse.ArgumentParser()
parser.add_argument("--last-good-model", action="store_true")
parser.add_argument("--compare", action="store_true")
options = parser.parse_args()

source = "last-good-model.csv" if options.last_good_model else "model.csv"
model = Model(pandas.read_csv(source, index_col=0).squeeze("columns"))
days = pandas.date_range("today", periods=int(os.environ.get("HORIZON", "28")), normalize=True)
forecast = model.forecast(days)
forecast.to_csv("forecast.csv")
if options.compare:
    last = pandas.read_csv("last-forecast.csv", index_col=0, parse_dates=True).squeeze("columns")
    print((forecast - last).describe())
