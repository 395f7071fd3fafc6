"""Mail to users: rows first, sent by a worker."""
