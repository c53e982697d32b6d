"""What is on the platform now, who owns it, and what no manifest names."""
