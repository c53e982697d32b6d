"""GET /prices/<product>?day=2026-01-31 -> {"product": ..., "day": ..., "price": ..., "currency": ...}"""

import datetime
import os

from flask import Flask, abort, request
from prices import price_of

app = Flask(__name__)


@app.get("/health")
def health() -> dict:
    return {"status": "well"}


@app.get("/prices/<product>")
def price(product: str) -> dict:
    day = datetime.date.fromisoformat(request.args.get("day") or str(datetime.date.today()))
    found = price_of(product, day)
    if found is None:
        abort(404, f"there is no product {product}")
    currency = os.environ.get("CURRENCY", "GBP")
    return {"product": product, "day": str(day), "price": found, "currency": currency}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
