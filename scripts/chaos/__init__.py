"""What `scripts/chaos.py` is made of: a tenant in this process, ways to fail, and comparisons."""
