"""Runs the program: `python -m acs_emulator --port 8080`."""

from acs_emulator import main

main()
