"""`python -m tagdesk` is the command `tagdesk`."""

import sys

from tagdesk.command import main

if __name__ == "__main__":
    sys.exit(main())
