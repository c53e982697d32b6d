"""What live state cannot tell, kept on the platform itself (design, section 6)."""
