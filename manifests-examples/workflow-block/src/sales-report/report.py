"""Serves the newest sums as a small table."""

import csv
import html
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TITLE = html.escape(os.environ.get("REPORT_TITLE", "Sales"))
SUMS = Path(os.environ.get("SUMS", "output.csv"))


def table() -> str:
    if not SUMS.exists():
        return "<p>No sums yet.</p>"
    with SUMS.open(newline="") as file:
        rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in csv.reader(file))
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


class Report(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = "well" if self.path == "/health" else f"<h1>{TITLE}</h1>{table()}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())


ThreadingHTTPServer(("", 8000), Report).serve_forever()
