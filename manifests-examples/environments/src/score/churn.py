"""How likely a customer is to leave: a curve over the days since the last order."""

import math


def likelihood(days_since_order: float, horizon: int) -> float:
    return 1 / (1 + math.exp(-(days_since_order - 1.5 * horizon) / (horizon / 4)))
