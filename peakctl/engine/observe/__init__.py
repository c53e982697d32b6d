"""What is on the platform now, whose it is, and which tenant it is."""
