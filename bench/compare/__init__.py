"""Measuring fastrelu beside other libraries, each in a process of its own: see bench/peers.py and bench/busy.py."""
