"""How workers and people find this Manager in their network: SSDP and mDNS."""
