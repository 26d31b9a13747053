"""Tags for Ghost: a webhook in, topics from Tagdesk, tags back through the Admin API."""
