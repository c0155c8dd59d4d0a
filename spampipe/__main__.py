"""`python -m spampipe` is the `spampipe` command."""

from spampipe.cli import main

main()
