"""peakctl: plan and apply Peak AI resources from YAML manifests."""

__version__ = "0.1.0"
