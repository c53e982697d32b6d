"""Fits the model, keeps it, and says in quality.txt whether it is good enough to be used."""

from pathlib import Path

import pandas
from model import fit

sales = pandas.read_csv("sales.csv", parse_dates=["day"]).groupby("day")["amount"].sum()
held_back = sales.iloc[-14:]
model = fit(sales.iloc[:-14])
error = (model.forecast(held_back.index) - held_back).abs().mean() / held_back.mean()
Path("quality.txt").write_text("good" if error < 0.3 else "poor")
model.by_weekday.to_csv("model.csv")
