"""edgeacc: a PPG teacher, an accelerometer student, and proof of what it computes and costs on a watch.

Research software, not a medical device.
"""

__version__ = "0.1.0"
