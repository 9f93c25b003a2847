"""HTTPS: certificates of one's own or from a certificate authority, exchanged while it runs."""
