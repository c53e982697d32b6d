"""What live state cannot tell, kept on the platform itself."""
