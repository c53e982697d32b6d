"""From desired and live to a plan: pure and synchronous."""
