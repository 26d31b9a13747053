"""From what a CMS sends to the text that is read: fields, HTML, furniture; nothing here knows a topic."""
