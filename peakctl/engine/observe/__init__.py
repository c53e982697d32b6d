"""What is on the platform now, who owns it, and which tenant it is."""
