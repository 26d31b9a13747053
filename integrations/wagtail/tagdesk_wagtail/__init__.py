"""Topics for the pages of a Wagtail site, from a Tagdesk service."""
