"""GET /<days since the last order> -> the likelihood to leave, as text."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from churn import likelihood

HORIZON = int(os.environ.get("HORIZON_DAYS", "30"))


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            body, status = f"{likelihood(float(self.path.strip('/')), HORIZON):.3f}", 200
        except ValueError:
            body, status = "give a number of days", 400
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())


HTTPServer(("", 8000), Answer).serve_forever()
