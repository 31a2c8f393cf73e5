"""``python -m emirimg``: the command, where it is not on the path."""

from .cli import main

main(prog_name="emirimg")
